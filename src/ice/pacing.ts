import type { Clock } from '../client/clock.ts';

/** The least that RFC 8445 §14.1 allows between transactions. */
const INTERVAL_MS = 5;

/** Lets transactions begin one after the other, so that a router does not see all of them at once (RFC 8445 §14). */
export class Pacing {
  readonly #clock: Clock;
  #nextAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the next one may begin. */
  turn(): Promise<void> {
    const now = this.#clock.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + INTERVAL_MS;
    if (at === now) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.schedule(at - now, resolve);
    });
  }
}
