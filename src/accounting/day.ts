import type { UnixSeconds } from '../turn/time.ts';

/** The day in UTC: `2026-11-23`. */
export function dayOf(time: UnixSeconds): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

/** The month of a day: `2026-11`. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}
