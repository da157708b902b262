import type { Libc } from './libc.ts';

const PR_SET_TIMERSLACK = 29;
/** Linux lets a sleep last 50 µs longer than asked for, unless it is told what is still good enough. */
const SLACK_NANOSECONDS = 1000;

/** Makes short sleeps of this thread as short as they are asked for. */
export function sleepPrecisely(libc: Libc): void {
  libc.prctl(PR_SET_TIMERSLACK, SLACK_NANOSECONDS, 0, 0, 0);
}
