import { type UnixSeconds, unixSeconds } from '../turn/time.ts';

/** How long a revocation is kept at least: another daemon that has been away for a moment shall see it. */
const LEAST_SECONDS = 60;

/**
 * Until when a revocation has to be remembered that is about credentials which end then.
 *
 * @param graceSeconds for how long after its end a credential can still refresh an allocation; infinite where it can for ever.
 */
export function revokedUntil(expiresAt: UnixSeconds, graceSeconds: number, now: UnixSeconds): UnixSeconds {
  // Where expired credentials refresh for ever, it is enough that all allocations of today end.
  const lastSecond = expiresAt + (Number.isFinite(graceSeconds) ? graceSeconds : 0);
  // A credential is good through its last second.
  return unixSeconds(Math.max(lastSecond + 1, now + LEAST_SECONDS));
}
