import { hmac } from '../stun/hmac.ts';
import { type UnixSeconds, unixSeconds } from '../turn/time.ts';

/** The parts of the username of a time-limited credential. */
export interface TimeLimitedUsername {
  readonly expiresAt: UnixSeconds;
  readonly user: string;
  readonly label: string | undefined;
  /** The id of the API key that issued the credential; `undefined` where none did. */
  readonly issuer: string | undefined;
}

const timestampPattern = /^\d{1,15}$/;

// As `createApiKey` makes ids. Nothing looser: with the same secret others make usernames that hold a # or two for their own reasons.
const issuerPattern = /^[A-Za-z0-9_-]{12}$/;
const issuedPattern = /^([^#]+)#([^#]*)#([A-Za-z0-9_-]{12})$/;

/**
 * Reads what {@link formatTimeLimitedUsername} writes, and `<user>:<timestamp>` or a bare `<timestamp>` as coturn does: all
 * digits before the first colon are the timestamp, else it is what follows the colon.
 *
 * @returns `undefined` when there is no timestamp in it.
 */
export function parseTimeLimitedUsername(username: string): TimeLimitedUsername | undefined {
  const colon = username.indexOf(':');
  const before = colon < 0 ? username : username.slice(0, colon);
  const after = colon < 0 ? '' : username.slice(colon + 1);
  if (timestampPattern.test(before)) {
    const expiresAt = unixSeconds(Number(before));
    const [, issuedTo, label, issuer] = issuedPattern.exec(after) ?? [];
    if (issuedTo !== undefined) return { expiresAt, user: issuedTo, label: label === '' ? undefined : label, issuer };
    const hash = after.indexOf('#');
    const user = hash < 0 ? after : after.slice(0, hash);
    return {
      expiresAt,
      // coturn counts a bare timestamp as a user of that name.
      user: user === '' ? username : user,
      label: hash < 0 ? undefined : after.slice(hash + 1),
      issuer: undefined,
    };
  }
  if (!timestampPattern.test(after)) return undefined;
  const user = before === '' ? username : before;
  return { expiresAt: unixSeconds(Number(after)), user, label: undefined, issuer: undefined };
}

/**
 * Writes the username of a credential issued here: `<timestamp>:<user>`, `<timestamp>:<user>#<label>`, or
 * `<timestamp>:<user>#<label>#<issuer>` where the label may be empty. None of the parts may hold a colon or a #.
 *
 * @throws when the issuer is no id of a key: read back, the credential would be nobody's and no limit would hold it.
 */
export function formatTimeLimitedUsername({ expiresAt, user, label, issuer }: TimeLimitedUsername): string {
  if (issuer !== undefined) {
    if (!issuerPattern.test(issuer)) throw new Error(`${JSON.stringify(issuer)} is no id of an API key`);
    return `${expiresAt}:${user}#${label ?? ''}#${issuer}`;
  }
  return label === undefined ? `${expiresAt}:${user}` : `${expiresAt}:${user}#${label}`;
}

/** The password of a time-limited credential: base64 of HMAC-SHA1 over the username (draft-uberti-behave-turn-rest-00 §2.2). */
export function timeLimitedPassword(secret: string, username: string): string {
  return hmac('sha1', Buffer.from(secret), Buffer.from(username)).toString('base64');
}
