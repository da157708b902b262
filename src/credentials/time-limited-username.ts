import { createHmac } from 'node:crypto';
import { type UnixSeconds, unixSeconds } from '../turn/time.ts';

/** The parts of the username of a time-limited credential. */
export interface TimeLimitedUsername {
  readonly expiresAt: UnixSeconds;
  readonly user: string;
  readonly label: string | undefined;
}

const timestampPattern = /^\d{1,15}$/;

/**
 * Reads `<timestamp>:<user>`, `<timestamp>:<user>#<label>`, `<user>:<timestamp>` or a bare `<timestamp>`, as coturn does:
 * all digits before the first colon are the timestamp, else it is what follows the colon.
 *
 * @returns `undefined` when there is no timestamp in it.
 */
export function parseTimeLimitedUsername(username: string): TimeLimitedUsername | undefined {
  const colon = username.indexOf(':');
  const before = colon < 0 ? username : username.slice(0, colon);
  const after = colon < 0 ? '' : username.slice(colon + 1);
  if (timestampPattern.test(before)) {
    const hash = after.indexOf('#');
    const user = hash < 0 ? after : after.slice(0, hash);
    return {
      expiresAt: unixSeconds(Number(before)),
      // coturn counts a bare timestamp as a user of that name.
      user: user === '' ? username : user,
      label: hash < 0 ? undefined : after.slice(hash + 1),
    };
  }
  if (!timestampPattern.test(after)) return undefined;
  return { expiresAt: unixSeconds(Number(after)), user: before === '' ? username : before, label: undefined };
}

/** Writes the username of a credential issued here: `<timestamp>:<user>` or `<timestamp>:<user>#<label>`. */
export function formatTimeLimitedUsername({ expiresAt, user, label }: TimeLimitedUsername): string {
  return label === undefined ? `${expiresAt}:${user}` : `${expiresAt}:${user}#${label}`;
}

/** The password of a time-limited credential: base64 of HMAC-SHA1 over the username (draft-uberti-behave-turn-rest-00 §2.2). */
export function timeLimitedPassword(secret: string, username: string): string {
  return createHmac('sha1', secret).update(username, 'utf8').digest('base64');
}
