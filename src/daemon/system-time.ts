// The global of this name is looked up anew at each use.
import { performance } from 'node:perf_hooks';
import { type Instant, instant, type Time, unixSeconds } from '../turn/time.ts';

/** `performance.now` counts from another moment in each thread; this makes it the one monotonic clock that all of them share. */
const sinceBoot = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The monotonic clock, in milliseconds; the same in every thread of the process. */
export function now(): Instant {
  return instant(sinceBoot + performance.now());
}

/** Reads both clocks of this machine. */
export function readTime(): Time {
  return { instant: now(), unix: unixSeconds(Date.now() / 1000) };
}

/** Reads both clocks into an object that is there already, for the packet path. */
export function readTimeInto(time: Time): Time {
  time.instant = now();
  time.unix = unixSeconds(Date.now() / 1000);
  return time;
}
