/** Below this many packets a millisecond nothing is ever held back: a worker has time enough. */
const BUSY = 4;
/** So many packets are worth a turn. */
const WORTHWHILE = 24;
/** A turn that took in so many came late enough. */
const PLENTY = 48;
const LONGEST_PAUSE_MICROSECONDS = 500;
/** Over how long the rate is averaged. */
const MEMORY_MS = 4;

/**
 * Decides how long a busy worker waits before it takes in packets again. A turn costs much the same for one packet as for
 * ten: waking up, asking who has something, one send for each client. So under load packets gather for a moment, as network
 * cards let them gather before they interrupt; up to half a millisecond, and not at all while there is little to do.
 */
export class Gathering {
  /** Packets a millisecond. */
  #rate = 0;
  #lastAt: number;

  /** @param now monotonic milliseconds. */
  constructor(now: number) {
    this.#lastAt = now;
  }

  /**
   * A turn is over that took in so many packets.
   *
   * @returns microseconds to wait before the next one.
   */
  pause(packets: number, now: number): number {
    const elapsed = Math.max(0.01, now - this.#lastAt);
    this.#lastAt = now;
    this.#rate += (packets / elapsed - this.#rate) * Math.min(1, elapsed / MEMORY_MS);
    if (packets === 0 || packets >= PLENTY || this.#rate < BUSY) return 0;
    return Math.round(Math.min(LONGEST_PAUSE_MICROSECONDS, (WORTHWHILE / this.#rate) * 1000));
  }
}
