import { type CredentialService, mayTouch, type RevokeResult } from '../api/dependencies.ts';
import type { VerifiedApiKey } from '../credentials/api-keys.ts';
import {
  type CredentialRefusal,
  type CredentialRequest,
  type IssueResult,
  issueCredential,
} from '../credentials/issue.ts';
import { parseTimeLimitedUsername } from '../credentials/time-limited-username.ts';
import type { Revocation, Store } from '../store/store.ts';
import type { KnownAccess } from './known-access.ts';
import type { StoreFollower } from './store-follower.ts';

/** Issues credentials, of which nothing is stored, and revokes them, which is. */
export class IssuedCredentials implements CredentialService {
  readonly #store: Store;
  readonly #known: KnownAccess;
  readonly #follower: StoreFollower;

  constructor(store: Store, known: KnownAccess, follower: StoreFollower) {
    this.#store = store;
    this.#known = known;
    this.#follower = follower;
  }

  issue(request: CredentialRequest, key: VerifiedApiKey): IssueResult {
    const { options, revocations } = this.#known;
    const now = options.now();
    if (!this.#follower.available) {
      return refuse(
        'store_unavailable',
        'The store of keys and revocations cannot be had at the moment; try again soon.',
      );
    }
    const [secret] = options.secrets();
    if (secret === undefined) throw new Error('There is no shared secret to issue a credential with.');
    const { randomBytes } = options;
    const result = issueCredential(request, { secret, ttl: options.ttl(), now, randomBytes, issuer: key });
    if (!result.ok) return result;
    if (revocations.has('user', result.credential.user, now)) {
      return refuse('user_revoked', 'This user is revoked: nothing is issued until that has run out or is taken back.');
    }
    if (options.isOverBudget(key.id, key.limits)) {
      return refuse('budget_used_up', 'This API key has relayed as many bytes as it may for now.');
    }
    return result;
  }

  async revoke(username: string, key: VerifiedApiKey): Promise<RevokeResult> {
    const parts = parseTimeLimitedUsername(username);
    if (parts === undefined) return 'unknown';
    if (!mayTouch(key, parts.user)) return 'foreign';
    const { now, graceSeconds } = this.#known.options;
    if (parts.expiresAt + graceSeconds() < now()) return 'expired';
    return this.#revoke({
      kind: 'credential',
      name: username,
      until: this.#known.credentialRevokedUntil(parts.expiresAt),
    });
  }

  async revokeUser(user: string, key: VerifiedApiKey): Promise<RevokeResult> {
    if (!mayTouch(key, user)) return 'foreign';
    return this.#revoke({ kind: 'user', name: user, until: this.#known.userRevokedUntil() });
  }

  async restoreUser(user: string, key: VerifiedApiKey): Promise<boolean> {
    if (!mayTouch(key, user) || !(await this.#store.unrevoke('user', user))) return false;
    this.#known.unrevoke('user', user);
    return true;
  }

  async #revoke(revocation: Revocation): Promise<RevokeResult> {
    const { maxRevocations, now } = this.#known.options;
    if (!(await this.#store.revoke(revocation, maxRevocations, now()))) return 'full';
    this.#known.revoke(revocation);
    return 'revoked';
  }
}

function refuse(code: CredentialRefusal, message: string): IssueResult {
  return { ok: false, code, message };
}
