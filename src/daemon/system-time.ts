import { randomBytes, randomInt } from 'node:crypto';
import type { RandomSource } from '../turn/port-pool.ts';
import { instant, type Time, unixSeconds } from '../turn/time.ts';

/** Reads both clocks of this machine. */
export function readTime(): Time {
  return { instant: instant(performance.now()), unix: unixSeconds(Date.now() / 1000) };
}

/** Reads both clocks into an object that is there already, for the packet path. */
export function readTimeInto(time: Time): Time {
  time.instant = instant(performance.now());
  time.unix = unixSeconds(Date.now() / 1000);
  return time;
}

/** Random numbers that nobody can predict. */
export const systemRandom: RandomSource = {
  below: (limit) => randomInt(limit),
  bytes: (length) => randomBytes(length),
};
