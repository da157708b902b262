import type { Instant } from '../time.ts';
import { isLimited, type TrafficRates } from '../token-bucket.ts';

/** Tries before a thread waits: the lock is held for some ten nanoseconds, unless its holder was put off the processor. */
const SPINS = 100;
/** How long one wait lasts, in milliseconds. */
const WAIT_MS = 1;
/** After so many waits in a row in which nobody let go, the lock was left behind by a dead thread. */
const PATIENCE = 100;

/** The word of the lock. */
const FREE = 0;
const HELD = 1;
const AWAITED = 2;

/** What an allowance keeps in shared memory: a lock word, and three doubles. All zero is an allowance of which nothing is used. */
export const ALLOWANCE_DOUBLES = 3;
const FILLED_AT = 0;
const PACKETS = 1;
const BYTES = 2;

/**
 * The packet and byte limits of a user, or of the daemon, that several servers draw on: two token buckets, of which what is
 * used up is kept, so that fresh memory is a full bucket. Time must come from one clock that all threads read.
 *
 * Each use holds a lock for a few instructions. One that does not come free is broken: it is only a rate, which may then be
 * exceeded for a moment.
 */
export class SharedTrafficAllowance {
  /** Whether there is any limit; without one nothing is counted and nothing costs. */
  readonly limited: boolean;
  readonly #words: Int32Array;
  readonly #lock: number;
  readonly #doubles: Float64Array;
  readonly #at: number;
  readonly #rates: TrafficRates;

  /**
   * @param lock index of the lock in `words`.
   * @param at index of the first of {@link ALLOWANCE_DOUBLES} in `doubles`.
   */
  constructor(words: Int32Array, lock: number, doubles: Float64Array, at: number, rates: TrafficRates) {
    this.limited = isLimited(rates);
    this.#words = words;
    this.#lock = lock;
    this.#doubles = doubles;
    this.#at = at;
    this.#rates = rates;
  }

  /** Counts one packet of this many payload bytes; false when it is over the limit. */
  admit(bytes: number, now: Instant): boolean {
    if (!this.limited) return true;
    const { packetsPerSecond, bytesPerSecond } = this.#rates;
    const doubles = this.#doubles;
    this.#acquire();
    this.#fill(now);
    const packetFits = packetsPerSecond - doubles[this.#at + PACKETS]! >= Math.min(1, packetsPerSecond);
    const fits = packetFits && bytesPerSecond - doubles[this.#at + BYTES]! >= Math.min(bytes, bytesPerSecond);
    if (fits) {
      doubles[this.#at + PACKETS]! += 1;
      doubles[this.#at + BYTES]! += bytes;
    }
    this.#release();
    return fits;
  }

  /** Counts bytes of a stream, which cannot be dropped; how many milliseconds to wait before more of them. */
  charge(bytes: number, now: Instant): number {
    const { bytesPerSecond } = this.#rates;
    if (bytesPerSecond === Number.POSITIVE_INFINITY) return 0;
    this.#acquire();
    this.#fill(now);
    const used = this.#doubles[this.#at + BYTES]! + bytes;
    this.#doubles[this.#at + BYTES] = used;
    this.#release();
    return used <= bytesPerSecond ? 0 : ((used - bytesPerSecond) * 1000) / bytesPerSecond;
  }

  #fill(now: Instant): void {
    const doubles = this.#doubles;
    const elapsed = now - doubles[this.#at + FILLED_AT]!;
    if (elapsed <= 0) return;
    doubles[this.#at + FILLED_AT] = now;
    const { packetsPerSecond, bytesPerSecond } = this.#rates;
    doubles[this.#at + PACKETS] = Math.max(0, doubles[this.#at + PACKETS]! - (elapsed * packetsPerSecond) / 1000);
    doubles[this.#at + BYTES] = Math.max(0, doubles[this.#at + BYTES]! - (elapsed * bytesPerSecond) / 1000);
  }

  #acquire(): void {
    for (let i = 0; i < SPINS; i++) {
      if (Atomics.compareExchange(this.#words, this.#lock, FREE, HELD) === FREE) return;
    }
    for (let waits = 0; waits < PATIENCE; ) {
      if (Atomics.exchange(this.#words, this.#lock, AWAITED) === FREE) return;
      waits = Atomics.wait(this.#words, this.#lock, AWAITED, WAIT_MS) === 'timed-out' ? waits + 1 : 0;
    }
  }

  #release(): void {
    if (Atomics.exchange(this.#words, this.#lock, FREE) === AWAITED) Atomics.notify(this.#words, this.#lock);
  }
}
