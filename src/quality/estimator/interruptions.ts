import type { ArrivalLog } from './arrival-log.ts';
import type { BusyPeriod } from './busy-periods.ts';

/** Nothing has arrived for so long, though so many packets are due: the path is closed. Fewer may be missing by chance. */
const SILENCE_MS = 80;
const FEWEST_OVERDUE = 6;
/** A packet that comes this much late after a silence was kept; else those of the silence were dropped. */
const KEPT_MS = 50;
/** Two silences that end further apart than this have nothing to do with each other. */
const LONGEST_CYCLE_MS = 2500;
/** A cycle that is shorter than this part of the longest is none: something else was held up for a moment. It is part of the next. */
const SHORTEST_PART = 0.7;

/** An arrival that ends a silence. */
export interface Release {
  readonly silentSinceMs: number;
  readonly atMs: number;
  /** What the packet took beyond the delay of the empty path, in milliseconds. */
  readonly lateMs: number;
}

/**
 * Times in which a path carried nothing, and then went on. Servers that limit by the second (coturn's `max-bps`) let everything
 * through until the allowance is used up, and then nothing until the next second: neither the rate before such a silence nor that
 * after it says what fits through. From the end of one silence to the end of the next it is exactly one allowance, or several.
 */
export class Interruptions {
  readonly #arrivals: ArrivalLog;
  #releasedAtMs: number | undefined;
  #cycleMs = 0;

  constructor(arrivals: ArrivalLog) {
    this.#arrivals = arrivals;
  }

  /** Whether the path is closed. `overdue` counts the packets that should have arrived, if asked. */
  isSilent(nowMs: number, overdue: () => number): boolean {
    const { lastAtMs } = this.#arrivals;
    return lastAtMs !== undefined && nowMs - lastAtMs >= SILENCE_MS && overdue() >= FEWEST_OVERDUE;
  }

  /** When the last cycle began, in receiving time. */
  get releasedAtMs(): number | undefined {
    return this.#releasedAtMs;
  }

  /** How long the longest cycle was, in milliseconds; 0 while there was none. */
  get cycleMs(): number {
    return this.#cycleMs;
  }

  /** Tells of the end of a silence. Gives the cycle that ends with it, if one does. */
  release({ silentSinceMs, atMs, lateMs }: Release): BusyPeriod | undefined {
    if (atMs - silentSinceMs < SILENCE_MS) return undefined;
    const fromMs = this.#releasedAtMs;
    // The arrival that ends a silence belongs to what comes after it.
    const toMs = justBefore(atMs);
    const lengthMs = toMs - (fromMs ?? Number.NEGATIVE_INFINITY);
    if (lengthMs < SHORTEST_PART * this.#cycleMs) return undefined;
    this.#releasedAtMs = toMs;
    if (fromMs === undefined || lengthMs > LONGEST_CYCLE_MS) return undefined;
    this.#cycleMs = Math.max(this.#cycleMs, lengthMs);
    return { fromMs, toMs, cause: lateMs > KEPT_MS ? 'delay' : 'loss', isCycle: true };
  }
}

function justBefore(atMs: number): number {
  return atMs - 0.001;
}
