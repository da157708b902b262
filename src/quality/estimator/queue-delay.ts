/** One-way delays are averaged over about this time, which takes jitter out and leaves queues in. */
const SMOOTHING_MS = 30;
/** And over no more packets than some 20: those that were held up together and come at one moment count too. */
const LEAST_WEIGHT = 0.05;

/**
 * How long packets wait in queues: the smoothed one-way delay above the lowest one seen. It needs the same clock at both ends.
 *
 * The trend of the delay tells when a queue grows; only its height tells when it is empty again, and a queue that grows slowly, or
 * over packets as rare as those of a slow link, shows in the height first.
 */
export class QueueDelay {
  #smoothedMs: number | undefined;
  #usualMs = Number.POSITIVE_INFINITY;
  #updatedAtMs = 0;

  /** The delay of the empty path; 0 while nothing is known. */
  get usualMs(): number {
    return Number.isFinite(this.#usualMs) ? this.#usualMs : 0;
  }

  /** How long the queue is. */
  get queueMs(): number {
    return this.#smoothedMs === undefined ? 0 : Math.max(0, this.#smoothedMs - this.usualMs);
  }

  add(sentAtMs: number, receivedAtMs: number): void {
    const delayMs = receivedAtMs - sentAtMs;
    const elapsedMs = Math.max(0, receivedAtMs - this.#updatedAtMs);
    const weight = Math.max(LEAST_WEIGHT, 1 - Math.exp(-elapsedMs / SMOOTHING_MS));
    this.#smoothedMs =
      this.#smoothedMs === undefined ? delayMs : this.#smoothedMs + weight * (delayMs - this.#smoothedMs);
    this.#updatedAtMs = Math.max(this.#updatedAtMs, receivedAtMs);
    this.#usualMs = Math.min(this.#usualMs, this.#smoothedMs);
  }

  /** Takes the delay of this moment for that of the empty path: the path has changed, or a queue is not ours to empty. */
  rebase(): void {
    if (this.#smoothedMs !== undefined) this.#usualMs = this.#smoothedMs;
  }
}
