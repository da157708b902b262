import type { Clock } from '../client/clock.ts';
import type { RequestOutcome } from './request-outcome.ts';

/** When an examination stops beginning anything new. */
export class TimeLimit {
  readonly #clock: Clock;
  readonly #endsAt: number;
  readonly #signal: AbortSignal | undefined;

  constructor(clock: Clock, milliseconds: number, signal?: AbortSignal) {
    this.#clock = clock;
    this.#endsAt = clock.now() + milliseconds;
    this.#signal = signal;
  }

  get isOver(): boolean {
    return this.#clock.now() >= this.#endsAt || this.#signal?.aborted === true;
  }
}

/** Resolves after this many milliseconds. */
export function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(milliseconds, resolve);
  });
}

/** Does the same with all, a few at a time, and gives the results in the order of the items. */
export async function aFewAtATime<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R> | R,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}

/** What is said of whatever was not begun any more. */
export const timeIsOver: RequestOutcome = { kind: 'unknown', why: 'the time for the examination was over' };
