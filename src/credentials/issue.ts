import { type UnixSeconds, unixSeconds } from '../turn/time.ts';
import type { VerifiedApiKey } from './api-keys.ts';
import { formatTimeLimitedUsername, timeLimitedPassword } from './time-limited-username.ts';

/** What may be asked for when a credential is issued. */
export interface CredentialRequest {
  /** Whom quotas count; a random one when left out. */
  readonly user?: string | undefined;
  /** What the credential is for; accounting groups by it. */
  readonly label?: string | undefined;
  readonly ttlSeconds?: number | undefined;
}

export interface IssuedCredential {
  readonly username: string;
  readonly password: string;
  /** With the prefix of the key. */
  readonly user: string;
  readonly label: string | undefined;
  readonly ttlSeconds: number;
  readonly expiresAt: UnixSeconds;
}

/** What issuing needs. Time and randomness are handed in. */
export interface IssuingRules {
  readonly secret: string;
  readonly ttl: TtlRules;
  readonly now: UnixSeconds;
  readonly randomBytes: (size: number) => Buffer;
  /** Who issues: its limits hold, and its id is put into the username. */
  readonly issuer?: Pick<VerifiedApiKey, 'id' | 'limits'> | undefined;
}

export interface TtlRules {
  readonly defaultSeconds: number;
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

export type CredentialRefusal =
  | 'invalid_user'
  | 'invalid_label'
  | 'invalid_ttl'
  /** Nothing is issued to this user for now. */
  | 'user_revoked'
  /** The key has relayed as many bytes as it may. */
  | 'budget_used_up'
  /** Whether the key and the user are still good cannot be told. */
  | 'store_unavailable';

export type IssueResult =
  | { readonly ok: true; readonly credential: IssuedCredential }
  | { readonly ok: false; readonly code: CredentialRefusal; readonly message: string };

export const maxUserBytes = 128;
export const maxLabelBytes = 64;

// A colon separates the timestamp from the user, a # the user from the label.
const namePattern = /^(?! )(?:(?![:#])[\p{L}\p{M}\p{N}\p{P}\p{S} ])+(?<! )$/u;

/**
 * Issues a time-limited credential.
 *
 * @returns the credential, or why it is refused. A TTL out of range is refused and not clamped, since an app that asks for
 * a day and silently gets an hour finds out when the call drops.
 */
export function issueCredential(request: CredentialRequest, rules: IssuingRules): IssueResult {
  const { issuer } = rules;
  const { minSeconds, defaultSeconds, maxSeconds } = ttlBounds(rules.ttl, issuer?.limits.maxTtlSeconds);
  const { user, label, ttlSeconds = defaultSeconds } = request;
  const prefix = issuer?.limits.userPrefix ?? '';
  const userBytes = maxUserBytes - Buffer.byteLength(prefix);
  if (user !== undefined && !isName(user, userBytes)) {
    return { ok: false, code: 'invalid_user', message: describeName('user', userBytes) };
  }
  if (label !== undefined && !isName(label, maxLabelBytes)) {
    return { ok: false, code: 'invalid_label', message: describeName('label', maxLabelBytes) };
  }
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < minSeconds || ttlSeconds > maxSeconds) {
    const message = `The TTL must be a whole number of seconds from ${minSeconds} to ${maxSeconds}.`;
    return { ok: false, code: 'invalid_ttl', message };
  }
  const owner = prefix + (user ?? rules.randomBytes(12).toString('base64url'));
  const expiresAt = unixSeconds(rules.now + ttlSeconds);
  const username = formatTimeLimitedUsername({ expiresAt, user: owner, label, issuer: issuer?.id });
  const password = timeLimitedPassword(rules.secret, username);
  return { ok: true, credential: { username, password, user: owner, label, ttlSeconds, expiresAt } };
}

/** The limit of a key stands in place of the general one; the others give way where they would exceed it. */
function ttlBounds(ttl: TtlRules, maxSeconds = ttl.maxSeconds): TtlRules {
  const { minSeconds, defaultSeconds } = ttl;
  return {
    minSeconds: Math.min(minSeconds, maxSeconds),
    defaultSeconds: Math.min(defaultSeconds, maxSeconds),
    maxSeconds,
  };
}

function isName(text: string, maxBytes: number): boolean {
  return namePattern.test(text) && Buffer.byteLength(text) <= maxBytes;
}

function describeName(what: string, maxBytes: number): string {
  return `The ${what} must have 1 to ${maxBytes} bytes of printable text without ':', '#', control characters, or spaces at its ends.`;
}
