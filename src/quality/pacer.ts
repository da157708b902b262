/** What a sender that was kept from sending may make up for at once. More would be a burst, which fills the queues of the path. */
const CATCH_UP_MS = 10;

/**
 * Says when the next packet is due so that they follow a straight line at a rate. The timers of an event loop are a millisecond
 * late, and more on a busy machine: what is late is made up for, up to a limit, and what is beyond that is never sent.
 */
export class Pacer {
  #dueAt: number;

  constructor(startMs: number) {
    this.#dueAt = startMs;
  }

  /** Whether a packet is due. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueAt;
  }

  /** A packet of this many bytes is sent, at this rate. */
  sent(nowMs: number, bytes: number, bitsPerSecond: number): void {
    this.#dueAt = Math.max(this.#dueAt, nowMs - CATCH_UP_MS) + (bytes * 8000) / bitsPerSecond;
  }

  /** Milliseconds until the next packet is due. */
  wait(nowMs: number): number {
    return Math.max(0, this.#dueAt - nowMs);
  }
}
