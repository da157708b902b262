import type { Clock, Timer } from '../client/clock.ts';

/** Once a server has answered, its other ways get as long again as that took, and this at least. */
const LEAST_GRACE_MS = 300;

/**
 * How long is waited for one server: until a deadline, and once it has answered from one address of this machine only a little
 * longer. An interface that leads nowhere, such as the bridge of a virtual machine, so costs no more than that.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #controller = new AbortController();
  #deadline: number;
  #timer: Timer;
  #answered = false;

  readonly #interruption: AbortSignal | undefined;
  readonly #interrupt = () => {
    this.#timer.cancel();
    this.#controller.abort();
  };

  /** @param interruption ends all waiting at once */
  constructor(clock: Clock, timeoutMs: number, interruption?: AbortSignal) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#deadline = this.#startedAt + timeoutMs;
    this.#timer = this.#arm();
    this.#interruption = interruption;
    if (interruption?.aborted) this.#interrupt();
    else interruption?.addEventListener('abort', this.#interrupt, { once: true });
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get leftMs(): number {
    return Math.max(0, this.#deadline - this.#clock.now());
  }

  /** A clock on which every wait ends with this one, for what cannot be called back in another way. */
  get clock(): Clock {
    const clock = this.#clock;
    const { signal } = this;
    return {
      now: () => clock.now(),
      schedule(delayMs, callback) {
        const end = () => {
          cancel();
          callback();
        };
        const timer = clock.schedule(signal.aborted ? 0 : delayMs, end);
        signal.addEventListener('abort', end, { once: true });
        const cancel = () => {
          timer.cancel();
          signal.removeEventListener('abort', end);
        };
        return { cancel };
      },
    };
  }

  /** Milliseconds since waiting began. */
  get waitedMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  /** The server has answered. */
  answered(): void {
    if (this.#answered || this.signal.aborted) return;
    this.#answered = true;
    this.#deadline = Math.min(this.#deadline, this.#clock.now() + Math.max(LEAST_GRACE_MS, this.waitedMs));
    this.#timer.cancel();
    this.#timer = this.#arm();
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#timer.cancel();
    this.#interruption?.removeEventListener('abort', this.#interrupt);
  }

  /**
   * What a promise gives, or `undefined` when the time is over before.
   *
   * @param dispose gets rid of what comes too late.
   */
  for<T>(promise: Promise<T>, dispose: (late: T) => void = () => {}): Promise<T | undefined> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const abort = () => resolve(undefined);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      promise.then((value) => {
        signal.removeEventListener('abort', abort);
        if (signal.aborted) dispose(value);
        else resolve(value);
      }, reject);
    });
  }

  #arm(): Timer {
    return this.#clock.schedule(this.leftMs, () => this.#controller.abort());
  }
}
