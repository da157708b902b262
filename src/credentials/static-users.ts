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
 * A username as clients send it: letters with accents are one character each (RFC 8265 §4.2, Unicode's form NFC), however they were
 * typed or kept.
 */
export function canonicalUsername(name: string): string {
  return name.normalize('NFC');
}

/**
 * Users with a password that does not expire: those of the configuration and those in the store. Where both have the same
 * name, that of the configuration counts. Only their long-term keys are kept.
 */
export class StaticUsers implements CredentialSource {
  readonly #md5 = new Map<string, readonly Credential[]>();
  readonly #sha256 = new Map<string, readonly Credential[]>();

  constructor(configured: Iterable<ConfiguredUser>, realm: string, stored: Iterable<StoredLongTermKeys> = []) {
    for (const { name, password } of configured) {
      // The name is part of the key. A client that sends it as it stands here has made its key from that.
      const spellings = [...new Set([canonicalUsername(name), name])];
      for (const algorithm of Object.values(PasswordAlgorithm)) {
        const keys = spellings.map((spelling) => longTermKey(algorithm, spelling, realm, password));
        this.#put(algorithm, name, keys);
      }
    }
    const taken = new Set(this.#md5.keys());
    for (const user of stored) {
      const { name, md5Key, sha256Key } = user;
      if (user.realm !== realm || taken.has(canonicalUsername(name))) continue;
      this.#put(PasswordAlgorithm.md5, name, [Buffer.from(md5Key, 'hex')]);
      if (sha256Key !== undefined) this.#put(PasswordAlgorithm.sha256, name, [Buffer.from(sha256Key, 'hex')]);
    }
  }

  candidates(username: string, algorithm: PasswordAlgorithm): readonly Credential[] {
    return this.#byName(algorithm).get(canonicalUsername(username)) ?? [];
  }

  #put(algorithm: PasswordAlgorithm, name: string, keys: readonly Buffer[]): void {
    const credentials = keys.map((key) => ({
      ...{ user: name, label: undefined, issuer: undefined, expiresAt: undefined },
      key,
    }));
    const users = this.#byName(algorithm);
    const canonical = canonicalUsername(name);
    // Former versions could keep the same name in both forms.
    const others = users.get(canonical)?.filter(({ user }) => user !== name) ?? [];
    users.set(canonical, [...others, ...credentials]);
  }

  #byName(algorithm: PasswordAlgorithm): Map<string, readonly Credential[]> {
    return algorithm === PasswordAlgorithm.md5 ? this.#md5 : this.#sha256;
  }
}
