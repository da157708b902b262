import type { ArrivalLog } from './arrival-log.ts';
import { goodput } from './goodput.ts';

/** A stretch of receiving time in which the path was full. */
export interface BusyPeriod {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause: 'delay' | 'loss';
  /** It is counted up to its ends, whether something arrived there or not: from the end of one silence to that of the next. */
  readonly isCycle?: true;
}

/** What a figure is based on: at least so much time and so many packets. */
const ENOUGH_MS = 300;
const ENOUGH_PACKETS = 20;
/** Shorter ones say little. */
const SHORTEST_MS = 50;
/** Older ones than this before the latest are not taken in. */
const OLDEST_MS = 1500;

/**
 * The stretches in which the path was full. From the moment at which a queue begins to that at which it is empty again the
 * bottleneck works without a pause, so what came of ours in that time, divided by it, is exactly what it had left beside the flows
 * of others, however much was sent; and a token bucket, which lets bursts through unhindered, is empty all the while. That is why
 * the figure is taken from these stretches and not from the rate at which they began.
 */
export class BusyPeriods {
  readonly #arrivals: ArrivalLog;
  readonly #periods: BusyPeriod[] = [];

  constructor(arrivals: ArrivalLog) {
    this.#arrivals = arrivals;
  }

  /** Keeps a stretch; one too short to say anything is dropped. */
  add(period: BusyPeriod): void {
    if (period.toMs - period.fromMs >= SHORTEST_MS) this.#periods.push(period);
  }

  get last(): BusyPeriod | undefined {
    return this.#periods.at(-1);
  }

  /** Bits a second over the latest stretches, as many as it takes for a figure; `undefined` when there was none. */
  goodput(current?: BusyPeriod): number | undefined {
    const periods = current === undefined ? this.#periods : [...this.#periods, current];
    const latest = periods.at(-1);
    if (latest === undefined) return undefined;
    let bits = 0;
    let lengthMs = 0;
    let packets = 0;
    for (let i = periods.length - 1; i >= 0; i--) {
      const { fromMs, toMs, isCycle } = periods[i]!;
      if (latest.toMs - toMs > OLDEST_MS) break;
      bits += isCycle
        ? this.#arrivals.bytes(fromMs, toMs) * 8000
        : goodput(this.#arrivals, fromMs, toMs) * (toMs - fromMs);
      lengthMs += toMs - fromMs;
      packets += this.#arrivals.packets(fromMs, toMs);
      if (lengthMs >= ENOUGH_MS && packets >= ENOUGH_PACKETS) break;
    }
    return lengthMs > 0 ? bits / lengthMs : undefined;
  }
}
