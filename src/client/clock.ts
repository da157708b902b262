/** Time as the client needs it. Tests hand in a virtual one, so that an hour of refreshes takes no time. */
export interface Clock {
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  /** Calls back once, `delayMs` from now. */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** A call that is still to come. */
export interface Timer {
  /** Without effect when it has come already. */
  cancel(): void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
