import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { Credential, CredentialSource } from '../turn/credential-source.ts';

/** Users with a password that does not expire. Only their long-term keys are kept. */
export class StaticUsers implements CredentialSource {
  readonly #md5 = new Map<string, readonly [Credential]>();
  readonly #sha256 = new Map<string, readonly [Credential]>();

  constructor(users: Iterable<{ readonly name: string; readonly password: string }>, realm: string) {
    for (const { name, password } of users) {
      const base = { user: name, label: undefined, expiresAt: undefined };
      for (const algorithm of Object.values(PasswordAlgorithm)) {
        this.#byName(algorithm).set(name, [{ ...base, key: longTermKey(algorithm, name, realm, password) }]);
      }
    }
  }

  candidates(username: string, algorithm: PasswordAlgorithm): readonly Credential[] {
    return this.#byName(algorithm).get(username) ?? [];
  }

  #byName(algorithm: PasswordAlgorithm): Map<string, readonly [Credential]> {
    return algorithm === PasswordAlgorithm.md5 ? this.#md5 : this.#sha256;
  }
}
