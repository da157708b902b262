import type { Clock, Timer } from '../../src/client/clock.ts';

interface PendingTimer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it; timers fire in the order of their times. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #timers: PendingTimer[] = [];

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer = { dueAt: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** How many timers are armed: none may be left when everything is closed. */
  get armed(): number {
    return this.#timers.length;
  }

  /** Lets time pass, with all that promises and timers set off in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    await settle();
    for (let next = this.#nextDue(until); next; next = this.#nextDue(until)) {
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueAt);
      next.callback();
      await settle();
    }
    this.#nowMs = until;
  }

  /** Lets time pass, a timer at a time, until the promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let pending = true;
    const end = () => {
      pending = false;
    };
    promise.then(end, end);
    await settle();
    while (pending) {
      const next = this.#nextDue(Number.POSITIVE_INFINITY);
      if (!next) throw new Error('nothing is scheduled that could settle the promise');
      await this.advance(next.dueAt - this.#nowMs);
    }
    return promise;
  }

  #nextDue(until: number): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= until && (!first || timer.dueAt < first.dueAt)) first = timer;
    }
    return first;
  }
}

/** Runs what promises have in store. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
