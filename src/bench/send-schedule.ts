/** How often a sender looks what is due, in microseconds: as long as a burst of its packets may be. */
export const TICK_MICROSECONDS = 200;
/** Without a rate, so many at once. */
const FLOOD_BATCH = 32;

/**
 * Says how many packets are to be sent at any time, so that their number follows a straight line from the start: what is late
 * is made up for, at no more than twice the rate, and nothing drifts.
 */
export class SendSchedule {
  readonly #startAt: number;
  readonly #perMicrosecond: number;
  readonly #most: number;
  #sent = 0;

  /**
   * @param startAt microseconds.
   * @param packetsPerSecond `undefined` for as many as can be sent.
   */
  constructor(startAt: number, packetsPerSecond: number | undefined) {
    this.#startAt = startAt;
    this.#perMicrosecond = packetsPerSecond === undefined ? Number.POSITIVE_INFINITY : packetsPerSecond / 1e6;
    this.#most =
      packetsPerSecond === undefined
        ? FLOOD_BATCH
        : Math.max(1, Math.ceil(2 * TICK_MICROSECONDS * this.#perMicrosecond));
  }

  /** How many packets are to be sent now. They count as sent. */
  take(now: number): number {
    if (this.wait(now) > 0) return 0;
    // One is due at the start already.
    const due = Math.floor((now - this.#startAt) * this.#perMicrosecond) + 1 - this.#sent;
    const count = due < this.#most ? due : this.#most;
    this.#sent += count;
    return count;
  }

  /** Microseconds from `now` until there is something to send; 0 or less when something is due already. */
  wait(now: number): number {
    return this.#startAt + this.#sent / this.#perMicrosecond - now;
  }
}
