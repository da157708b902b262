import type { Clock } from '../client/clock.ts';

/** What a promise gives, or `late` when that takes longer than so many milliseconds. */
export function within<T, L>(clock: Clock, milliseconds: number, promise: Promise<T>, late: L): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(Math.max(0, milliseconds), () => resolve(late));
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

/** Resolves after this many milliseconds. */
export function sleep(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(Math.max(0, milliseconds), resolve);
  });
}
