import { longTermKey, type PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { Credential, CredentialSource } from '../turn/credential-source.ts';
import { parseTimeLimitedUsername, timeLimitedPassword } from './time-limited-username.ts';

/** Time-limited credentials: whoever knows a shared secret can make one, and nothing is stored about it. */
export class SharedSecretCredentials implements CredentialSource {
  readonly #secrets: readonly string[];
  readonly #realm: string;

  /** @param secrets every one of them is accepted, so that a secret can be replaced without a gap */
  constructor(secrets: readonly string[], realm: string) {
    this.#secrets = [...secrets];
    this.#realm = realm;
  }

  /** One candidate for each secret; none when the username carries no timestamp. */
  candidates(username: string, algorithm: PasswordAlgorithm): readonly Credential[] {
    // The keys are made in any case, so that the time an answer takes does not say whether the username was well formed.
    const keys = this.#secrets.map((secret) =>
      longTermKey(algorithm, username, this.#realm, timeLimitedPassword(secret, username)),
    );
    const parts = parseTimeLimitedUsername(username);
    return parts ? keys.map((key) => ({ ...parts, key })) : [];
  }
}
