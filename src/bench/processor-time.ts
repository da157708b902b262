import { readdirSync, readFileSync } from 'node:fs';

/** Linux tells processor times in hundredths of a second, whatever its own clock tick (USER_HZ). */
const TICK_MS = 10;

/** Processor time used since the start, in milliseconds. */
export interface ProcessorTime {
  readonly userMs: number;
  readonly systemMs: number;
}

export interface ProcessSample extends ProcessorTime {
  /** Of each thread, by its number. */
  readonly threads: ReadonlyMap<number, ProcessorTime>;
}

/** Processor time for each packet, in microseconds. */
export interface ProcessorCost {
  readonly userMicroseconds: number;
  readonly systemMicroseconds: number;
  readonly microseconds: number;
  /** What share (0 to 1) of it each thread had that had any to speak of, the largest first. */
  readonly threadShares: readonly number[];
}

/** Reads what a process has used so far; `undefined` when there is no such process, or no /proc. */
export function sampleProcess(pid: number): ProcessSample | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) => {
      return [Number(thread), parseProcessorTime(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))] as const;
    });
    return { ...parseProcessorTime(readFileSync(`/proc/${pid}/stat`, 'utf8')), threads: new Map(threads) };
  } catch {
    return undefined;
  }
}

/** Reads utime and stime out of a line of /proc/PID/stat (proc(5)). */
export function parseProcessorTime(stat: string): ProcessorTime {
  // The second field is a name in brackets, which may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { userMs: Number(fields[11]) * TICK_MS, systemMs: Number(fields[12]) * TICK_MS };
}

/** Bytes of memory that a process has resident; `undefined` when there is no such process, or no /proc. */
export function residentBytes(pid: number): number | undefined {
  try {
    return parseResidentBytes(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads VmRSS out of /proc/PID/status. */
export function parseResidentBytes(status: string): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** A thread that has had less than this share is not worth telling. */
const SMALLEST_SHARE = 0.01;

/** Divides what was used between two samples by the packets that were relayed meanwhile. */
export function processorCost(before: ProcessSample, after: ProcessSample, packets: number): ProcessorCost | undefined {
  if (packets === 0) return undefined;
  const user = after.userMs - before.userMs;
  const system = after.systemMs - before.systemMs;
  const used = [...after.threads].map(([thread, time]) => totalMs(time) - totalMs(before.threads.get(thread)));
  const all = used.reduce((sum, one) => sum + one, 0);
  const shares = used.map((one) => (all === 0 ? 0 : one / all)).filter((share) => share >= SMALLEST_SHARE);
  return {
    userMicroseconds: (user * 1000) / packets,
    systemMicroseconds: (system * 1000) / packets,
    microseconds: ((user + system) * 1000) / packets,
    threadShares: shares.sort((a, b) => b - a),
  };
}

function totalMs(time: ProcessorTime | undefined): number {
  return time === undefined ? 0 : time.userMs + time.systemMs;
}
