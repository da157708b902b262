import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A packet of a recorded trace; the times are milliseconds from its start. */
export interface TracedPacket {
  readonly sentAtMs: number;
  /** `undefined` when it never came. */
  readonly receivedAtMs: number | undefined;
}

const HEADER = 'sent ms,one-way delay ms';

/** One line for each packet in the order of sending; no delay means that it never came. */
export function traceToText(packets: readonly TracedPacket[]): string {
  const lines = packets.map(({ sentAtMs, receivedAtMs }) => {
    const delay = receivedAtMs === undefined ? '' : (receivedAtMs - sentAtMs).toFixed(2);
    return `${sentAtMs.toFixed(1)},${delay}`;
  });
  return `${[HEADER, ...lines].join('\n')}\n`;
}

/** Reads a trace of `traces/`. */
export function readTrace(name: string): readonly TracedPacket[] {
  const text = readFileSync(join(import.meta.dirname, 'traces', `${name}.csv`), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [sent, delay] = line.split(',') as [string, string];
      const sentAtMs = Number(sent);
      return { sentAtMs, receivedAtMs: delay === '' ? undefined : sentAtMs + Number(delay) };
    });
}
