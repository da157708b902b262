import type { ArrivalLog } from './arrival-log.ts';

/** After a silence of this length what comes next is not waited for. */
const SILENCE_MS = 200;

/** Bits a second that arrived in a stretch of time, measured from arrival to arrival; 0 where there are too few of them. */
export function goodput(arrivals: ArrivalLog, fromMs: number, toMs: number): number {
  const first = arrivals.lastBefore(fromMs) ?? fromMs;
  const last = arrivals.lastBefore(toMs) ?? toMs;
  const end = toMs - last > SILENCE_MS ? toMs : last;
  const start = fromMs - first > SILENCE_MS ? fromMs : first;
  return end > start ? (arrivals.bytes(fromMs, toMs) * 8000) / (end - start) : 0;
}
