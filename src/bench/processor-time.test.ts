import { describe, expect, it } from 'vitest';
import { type ProcessSample, parseProcessorTime, parseResidentBytes, processorCost } from './processor-time.ts';

function sample(userMs: number, systemMs: number, threads: Record<number, number>): ProcessSample {
  const times = Object.entries(threads).map(([thread, ms]) => [Number(thread), { userMs: ms, systemMs: 0 }] as const);
  return { userMs, systemMs, threads: new Map(times) };
}

describe('processor time', () => {
  it('is read from /proc/PID/stat, whatever the program is called', () => {
    const rest = 'S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 11 0 1000 2000 300';
    for (const name of ['node', 'a (b) c', ') S 1 1']) {
      expect(parseProcessorTime(`4711 (${name}) ${rest}`)).toEqual({ userMs: 1230, systemMs: 450 });
    }
  });

  it('is divided by packets, and by thread', () => {
    const before = sample(1000, 500, { 1: 900, 2: 600 });
    const after = sample(1100, 800, { 1: 910, 2: 897, 3: 90, 4: 3 });
    expect(processorCost(before, after, 100_000)).toEqual({
      userMicroseconds: 1,
      systemMicroseconds: 3,
      microseconds: 4,
      threadShares: [0.7425, 0.225, 0.025],
    });
  });

  it('is nothing for no packets', () => {
    expect(processorCost(sample(0, 0, {}), sample(1, 1, {}), 0)).toBeUndefined();
  });
});

describe('resident memory', () => {
  it('is read from /proc/PID/status', () => {
    expect(parseResidentBytes('Name:\tnode\nVmHWM:\t  90000 kB\nVmRSS:\t   87654 kB\nThreads:\t11\n')).toBe(89_757_696);
    expect(parseResidentBytes('Name:\tkthreadd\n')).toBeUndefined();
  });
});
