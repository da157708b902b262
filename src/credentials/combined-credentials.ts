import type { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { Credential, CredentialSource } from '../turn/credential-source.ts';

/** Several sources side by side: a username may be known to any of them, and the request's MAC decides. */
export class CombinedCredentials implements CredentialSource {
  readonly #sources: readonly CredentialSource[];

  constructor(sources: readonly CredentialSource[]) {
    this.#sources = sources;
  }

  /** Every source is asked, also when an earlier one had a candidate. */
  candidates(username: string, algorithm: PasswordAlgorithm): readonly Credential[] {
    const candidates: Credential[] = [];
    for (const source of this.#sources) candidates.push(...source.candidates(username, algorithm));
    return candidates;
  }
}
