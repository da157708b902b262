import type { Clock, Timer } from '../../src/client/clock.ts';

/** The clock of a program that is held up again and again: what is due meanwhile happens at the end, as on a busy machine. */
export class StallingClock implements Clock {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #forMs: number;

  /** Holds up for so many milliseconds, at every multiple of others. */
  constructor(clock: Clock, everyMs: number, forMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#forMs = forMs;
  }

  now(): number {
    return this.#clock.now();
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const dueAt = this.now() + delayMs;
    const stall = Math.floor(dueAt / this.#everyMs) * this.#everyMs;
    const heldUpMs = stall > 0 ? Math.max(0, stall + this.#forMs - dueAt) : 0;
    return this.#clock.schedule(delayMs + heldUpMs, callback);
  }
}
