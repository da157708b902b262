import type { Clock } from '../../client/clock.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Ends the watch, once the round under way has come to its end. */
  readonly stop: AbortSignal;
}

/**
 * Does a round at once and then one each interval until it is stopped: never two at a time. A round that takes longer than the interval
 * skips the times it has missed.
 *
 * @param round what to do
 */
export async function watch({ clock, intervalMs, stop }: WatchOptions, round: () => Promise<void>): Promise<void> {
  const startedAt = clock.now();
  while (!stop.aborted) {
    await round();
    const passed = clock.now() - startedAt;
    await pause(clock, intervalMs - (passed % intervalMs), stop);
  }
}

/** Lets time pass, less of it when stopped. */
function pause(clock: Clock, delayMs: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.schedule(delayMs, end);
    stop.addEventListener('abort', end);
  });
}
