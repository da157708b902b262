import type { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { UnixSeconds } from './time.ts';

/** One set of facts under which a username would be accepted, if the request's MAC fits its key. */
export interface Credential {
  /** Whom quotas and limits count: the username without the timestamp of a time-limited credential. */
  readonly user: string;
  /** What the issuer said this credential is for; accounting groups by it. */
  readonly label: string | undefined;
  /** The id of the API key that issued it; `undefined` where none did. */
  readonly issuer: string | undefined;
  /** When it stops to be valid; `undefined` for a static user. */
  readonly expiresAt: UnixSeconds | undefined;
  /** The long-term key for the algorithm asked for (RFC 8489 §9.2.2). */
  readonly key: Buffer;
}

/**
 * Where the server looks a username up. There may be several candidates (one per shared secret, a static user beside them):
 * the request's message integrity decides which of them it is.
 *
 * The source does not judge expiry: the server does, by its expiry policy.
 */
export interface CredentialSource {
  candidates(username: string, algorithm: PasswordAlgorithm): Iterable<Credential>;
}
