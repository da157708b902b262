import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { Credential, CredentialSource } from '../turn/credential-source.ts';

/** A user of the configuration. */
export interface ConfiguredUser {
  readonly name: string;
  readonly password: string;
}

/** A user whose long-term keys are stored. The keys were made for one realm, and hold in no other. */
export interface StoredLongTermKeys {
  readonly name: string;
  readonly realm: string;
  /** Hex. */
  readonly md5Key: string;
  /** Hex. */
  readonly sha256Key: string | undefined;
}

/**
 * Users with a password that does not expire: those of the configuration and those in the store. Where both have the same
 * name, that of the configuration counts. Only their long-term keys are kept.
 */
export class StaticUsers implements CredentialSource {
  readonly #md5 = new Map<string, readonly [Credential]>();
  readonly #sha256 = new Map<string, readonly [Credential]>();

  constructor(configured: Iterable<ConfiguredUser>, realm: string, stored: Iterable<StoredLongTermKeys> = []) {
    for (const { name, password } of configured) {
      for (const algorithm of Object.values(PasswordAlgorithm)) {
        this.#add(algorithm, name, longTermKey(algorithm, name, realm, password));
      }
    }
    const taken = new Set(this.#md5.keys());
    for (const user of stored) {
      const { name, md5Key, sha256Key } = user;
      if (user.realm !== realm || taken.has(name)) continue;
      this.#add(PasswordAlgorithm.md5, name, Buffer.from(md5Key, 'hex'));
      if (sha256Key !== undefined) this.#add(PasswordAlgorithm.sha256, name, Buffer.from(sha256Key, 'hex'));
    }
  }

  candidates(username: string, algorithm: PasswordAlgorithm): readonly Credential[] {
    return this.#byName(algorithm).get(username) ?? [];
  }

  #add(algorithm: PasswordAlgorithm, name: string, key: Buffer): void {
    this.#byName(algorithm).set(name, [{ user: name, label: undefined, issuer: undefined, expiresAt: undefined, key }]);
  }

  #byName(algorithm: PasswordAlgorithm): Map<string, readonly [Credential]> {
    return algorithm === PasswordAlgorithm.md5 ? this.#md5 : this.#sha256;
  }
}
