import type { Percentiles } from './report.ts';
import { toMicroseconds } from './to-microseconds.ts';

/**
 * How long in milliseconds a receiver has to hold back what comes early, so that 99 % of the packets are there when they are due:
 * the 99th percentile of the delay above the least one.
 */
export function playoutDelay({ min, p99 }: Percentiles): number {
  return toMicroseconds(p99 - min);
}

/**
 * How old in milliseconds a packet is when it is played, without what devices add: all are held back until 99 % are there.
 * The delay of a call between two people who both have this path, since up and down again is as far as to the relay and back.
 */
export function delayOfCall({ p99 }: Percentiles): number {
  return p99;
}
