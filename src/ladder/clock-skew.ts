import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { Advice } from './advice.ts';
import { clockSkewAdvice, expiryOf } from './credentials.ts';

/** How long further credentials are good for: they are told apart by clocks that differ by an hour, and by a time zone. */
const FURTHER_TTL_SECONDS = [70 * 60, 25 * 3600];

/**
 * Tries, when a server refuses a credential that was just made from a shared secret, others that are good for longer: if one is
 * taken, the secret is right and the clocks differ.
 *
 * @param refused the one that was refused.
 * @param issue makes another.
 * @param isTaken asks the server, which may also end the trial.
 * @returns `undefined` when that explains nothing.
 */
export async function explainByClock(
  refused: LongTermCredentials,
  unixNow: number,
  issue: (ttlSeconds: number) => LongTermCredentials,
  isTaken: (credentials: LongTermCredentials) => Promise<'taken' | 'refused' | 'unclear'>,
): Promise<Advice | undefined> {
  const expiresAt = expiryOf(refused.username);
  if (expiresAt === undefined) return undefined;
  let refusedSeconds = expiresAt - unixNow;
  for (const ttlSeconds of FURTHER_TTL_SECONDS.filter((seconds) => seconds > refusedSeconds)) {
    const answer = await isTaken(issue(ttlSeconds));
    if (answer === 'taken') return clockSkewAdvice(refusedSeconds, ttlSeconds);
    if (answer === 'unclear') return undefined;
    refusedSeconds = ttlSeconds;
  }
  return undefined;
}
