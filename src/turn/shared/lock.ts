/** How long one wait lasts, in milliseconds, before the holder is looked at again. */
const WAIT_MS = 25;
/** After so many waits in a row in which nobody let go, the holder is dead. */
const PATIENCE = 40;

/**
 * A lock between the servers of one daemon, for sections of a few microseconds on the control path.
 *
 * A thread may be ended anywhere, so also while it holds the lock. Whoever finds it held by the dead takes it over and mends
 * what it protects first: at once when the holder is known to be dead, else after a second in which it was not let go. All
 * waits together make that second, so that a machine that stood still for long does not make the living look dead.
 */
export class Lock {
  readonly #word: Int32Array;
  /** This server as the word shows it: its index + 1. */
  readonly #self: number;
  readonly #mend: () => void;

  /**
   * @param word one word of shared memory; 0 is free.
   * @param mend puts what the lock protects in order, after a holder that may have stopped anywhere.
   */
  constructor(word: Int32Array, server: number, mend: () => void) {
    this.#word = word;
    this.#self = server + 1;
    this.#mend = mend;
  }

  acquire(): void {
    for (let waits = 0; ; ) {
      const holder = Atomics.compareExchange(this.#word, 0, 0, this.#self);
      if (holder === 0) return;
      if (waits === PATIENCE && this.#takeOver(holder)) return;
      waits = Atomics.wait(this.#word, 0, holder, WAIT_MS) === 'timed-out' ? waits + 1 : 0;
    }
  }

  /** Acquires the lock, from a server that has died if it holds it. */
  acquireFromDead(server: number): void {
    if (!this.#takeOver(server + 1)) this.acquire();
  }

  release(): void {
    if (Atomics.compareExchange(this.#word, 0, this.#self, 0) !== this.#self) {
      throw new Error('the lock was taken over: this thread stood still for too long');
    }
    Atomics.notify(this.#word, 0);
  }

  #takeOver(holder: number): boolean {
    if (Atomics.compareExchange(this.#word, 0, holder, this.#self) !== holder) return false;
    this.#mend();
    return true;
  }
}
