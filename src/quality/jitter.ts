/** How much of a deviation enters the estimate (RFC 3550 §6.4.1). */
const GAIN = 1 / 16;

/** Interarrival jitter in milliseconds (RFC 3550 §6.4.1), of packets in the order of their arrival. */
export class InterarrivalJitter {
  #transit: number | undefined;
  #estimate = 0;
  #sum = 0;
  #count = 0;

  /** @param transitMs arrival less departure; only differences of it matter. */
  add(transitMs: number): void {
    if (this.#transit !== undefined) {
      this.#estimate += (Math.abs(transitMs - this.#transit) - this.#estimate) * GAIN;
      this.#sum += this.#estimate;
      this.#count++;
    }
    this.#transit = transitMs;
  }

  /** The estimate at this moment, which knows little more than the last 16 packets. */
  get current(): number {
    return this.#estimate;
  }

  /** The estimate on average: what it was like most of the time, and not what it happened to be at the end. */
  get average(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }
}
