/** What can be wrong with the credentials of a check, and what to do about it. Pure. */

import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import { parseTimeLimitedUsername } from '../credentials/time-limited-username.ts';
import { type Advice, advice } from './advice.ts';
import { joinPhrases, oddBase64, oddities } from './odd-text.ts';

/** Where the credentials of a check came from: it decides what can be wrong with them. */
export type CredentialSource = 'password' | 'shared-secret';

export interface LadderCredentials extends LongTermCredentials {
  readonly source: CredentialSource;
  /** With `shared-secret`: what {@link oddities} found in the secret, which the ladder itself does not get to see. */
  readonly oddInSecret?: readonly string[];
}

/** A timestamp before 2001 is none: users are also called `1001`. */
const EARLIEST = 1_000_000_000;
/** Beyond the year 5000 somebody has taken milliseconds for seconds. */
const LATEST = 100_000_000_000;
/** A call that begins now lasts longer than that now and then, and its allocation has to be refreshed. */
const SOON_SECONDS = 15 * 60;

/** When a username says that it expires, in Unix seconds; `undefined` when it does not say. */
export function expiryOf(username: string): number | undefined {
  const expiresAt = parseTimeLimitedUsername(username)?.expiresAt;
  return expiresAt !== undefined && expiresAt >= EARLIEST ? expiresAt : undefined;
}

export const credentialsMissing: Advice = advice(
  'credentials_missing',
  'The server asks for credentials, and none were given (401).',
  'Give --secret-file for a shared secret, or --username with --password-file; in a list of ICE servers, a username and a credential.',
);

/** Why a server answers 401 to a request with credentials. */
export function adviseOnWrongCredentials(credentials: LadderCredentials | undefined, unixNow: number): Advice {
  const { username = '', password = '', source } = credentials ?? {};
  if (source === 'shared-secret') return adviseOnWrongSecret(credentials?.oddInSecret ?? []);
  const expiresAt = expiryOf(username);
  if (expiresAt !== undefined && expiresAt <= unixNow) {
    return advice(
      'credentials_expired',
      `The username says that it expired at ${isoTime(expiresAt)}, ${inWords(unixNow - expiresAt)} ago, and the server refused it (401).`,
      'Get a fresh credential. If that time is still to come for you, the clock of this machine is wrong.',
    );
  }
  const odd = oddParts(username, password, expiresAt !== undefined);
  if (odd !== undefined) {
    return advice(
      'odd_credentials',
      `The server refused the username or the password (401). ${odd}`,
      'Look whether that belongs to it or came in by copying, and give both exactly as the server has them. A password file ends where its first line ends; nothing in it is unquoted or decoded.',
    );
  }
  if (expiresAt !== undefined) {
    return advice(
      'wrong_credentials',
      'The server refused the credential although it has not expired (401): the password does not belong to exactly this username, it was made with another secret, or the clock of the server is ahead.',
      "Copy both anew, compare the secret of whoever issues them with the server's, and compare the clocks.",
    );
  }
  return advice(
    'wrong_credentials',
    'The server refused the username or the password (401).',
    'Check both. If the server uses a shared secret (coturn with use-auth-secret knows nothing else), give that with --secret-file. Users in a database of coturn, and hashed keys, are good for one realm only: compare it with the one that the server names.',
  );
}

function adviseOnWrongSecret(odd: readonly string[]): Advice {
  if (odd.length > 0) {
    return advice(
      'odd_credentials',
      `The server refused a credential that was just made from the shared secret (401). The secret ${joinPhrases(odd)}.`,
      'Look whether that belongs to it or came in by copying, and give it exactly as the server has it (coturn: static-auth-secret with use-auth-secret).',
    );
  }
  return advice(
    'wrong_secret',
    'The server refused a credential that was just made from the shared secret (401): its secret is another one, or it does not use one at all.',
    'Compare the secret with that of the server (taciturn: authentication.sharedSecrets; coturn: static-auth-secret with use-auth-secret), without quotation marks around it.',
  );
}

/**
 * The server takes a credential only when it is good for longer: its clock is ahead.
 *
 * @param refusedSeconds how long a credential was good for that it refused.
 * @param takenSeconds how long one was good for that it took.
 */
export function clockSkewAdvice(refusedSeconds: number, takenSeconds: number): Advice {
  const zone = takenSeconds > 2 * 3600 ? ' That much is often a wrong time zone.' : '';
  return advice(
    'clock_skew',
    `The shared secret is right, but the clocks differ: the server refuses a credential that is good for ${inWords(refusedSeconds)} and takes one for ${inWords(takenSeconds)}, so its clock is ahead of this machine's by something between the two.${zone}`,
    'Set both clocks by NTP (timedatectl shows whether it is on). Until then every credential ends that much earlier than it says.',
  );
}

/** Warnings about credentials that the server has taken. */
export function credentialWarnings(credentials: LadderCredentials | undefined, unixNow: number): readonly Advice[] {
  // What was made just now for this check is short-lived on purpose.
  if (credentials?.source !== 'password') return [];
  const expiresAt = expiryOf(credentials.username);
  if (expiresAt === undefined) return [];
  if (expiresAt > LATEST) {
    return [
      advice(
        'credentials_never_expire',
        'The time in the username is so far off that the credential never expires: it seems to count milliseconds.',
        'Let whoever issues credentials write the time in seconds since 1970; in JavaScript that is Date.now() divided by 1000.',
      ),
    ];
  }
  if (expiresAt <= unixNow) {
    return [
      advice(
        'expired_credentials_taken',
        `The username says that it expired at ${isoTime(expiresAt)}, ${inWords(unixNow - expiresAt)} ago, and the server took it nevertheless.`,
        "Compare the server's clock with this machine's. If they agree, the server does not look at the time, and its credentials are good for ever.",
      ),
    ];
  }
  if (expiresAt - unixNow >= SOON_SECONDS) return [];
  return [
    advice(
      'credentials_expire_soon',
      `The credential is good for another ${inWords(expiresAt - unixNow)} only, until ${isoTime(expiresAt)}: a call that lasts longer may lose its relay.`,
      'Issue credentials for as long as the longest call lasts, or renew them before they end: 12 or 24 hours are usual.',
    ),
  ];
}

/** A duration in its largest unit, from two of that on: `90 minutes`, `2 hours`. */
export function inWords(seconds: number): string {
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const;
  for (const [name, size] of units) {
    if (seconds < 2 * size && seconds !== size) continue;
    const count = Math.round(seconds / size);
    return `${count} ${name}${count === 1 ? '' : 's'}`;
  }
  const count = Math.max(0, Math.round(seconds));
  return `${count} second${count === 1 ? '' : 's'}`;
}

/** A point in time as ISO 8601 has it; what no date can hold is shown as the number it is, since usernames come from people. */
export function isoTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime()) ? String(unixSeconds) : date.toISOString().replace('.000Z', 'Z');
}

function oddParts(username: string, password: string, isTimeLimited: boolean): string | undefined {
  const odd = [
    ['username', oddities(username)],
    ['password', [...oddities(password), ...(isTimeLimited ? oddBase64(password) : [])]],
  ] as const;
  const sentences = odd
    .filter(([, found]) => found.length > 0)
    .map(([what, found]) => `The ${what} ${joinPhrases(found)}.`);
  return sentences.length > 0 ? sentences.join(' ') : undefined;
}
