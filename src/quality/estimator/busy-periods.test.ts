import { describe, expect, it } from 'vitest';
import { ArrivalLog } from './arrival-log.ts';
import { BusyPeriods } from './busy-periods.ts';
import { goodput } from './goodput.ts';

/** 1000 bytes every 8 ms, which are 1 Mbit/s, for the first second, and then every 2 ms for another. */
function arrivals(): ArrivalLog {
  const log = new ArrivalLog();
  for (let atMs = 0; atMs <= 1000; atMs += 8) log.add(atMs, 1000);
  for (let atMs = 1002; atMs <= 2000; atMs += 2) log.add(atMs, 1000);
  return log;
}

describe('what came in a stretch of time', () => {
  it('is measured from arrival to arrival', () => {
    expect(goodput(arrivals(), 3, 997)).toBeCloseTo(1e6);
    expect(goodput(arrivals(), 1100, 1901)).toBeCloseTo(4e6);
  });

  it('is nothing where nothing came', () => {
    expect(goodput(new ArrivalLog(), 0, 1000)).toBe(0);
    expect(goodput(arrivals(), 3000, 4000)).toBe(0);
  });

  it('counts a long silence at its end', () => {
    expect(goodput(arrivals(), 1000, 3000)).toBeCloseTo(2e6);
  });
});

describe('the figure', () => {
  it('of a cycle counts up to its ends, also where nothing comes there', () => {
    const log = new ArrivalLog();
    for (const fromMs of [0, 500, 1000]) for (let i = 0; i < 50; i++) log.add(fromMs + 6 * i, 1000);
    const busy = new BusyPeriods(log);
    busy.add({ fromMs: 499.9, toMs: 999.9, cause: 'loss', isCycle: true });
    expect(busy.goodput()).toBeCloseTo(50 * 1000 * 8 * 2);
  });

  it('is there once the path was full', () => {
    const periods = new BusyPeriods(arrivals());
    expect(periods.goodput()).toBeUndefined();
    periods.add({ fromMs: 100, toMs: 130, cause: 'delay' });
    expect(periods.goodput()).toBeUndefined();
    expect(periods.goodput({ fromMs: 200, toMs: 600, cause: 'delay' })).toBeCloseTo(1e6);
  });

  it('is of the latest stretch where that is long enough', () => {
    const periods = new BusyPeriods(arrivals());
    periods.add({ fromMs: 100, toMs: 900, cause: 'delay' });
    periods.add({ fromMs: 1200, toMs: 1600, cause: 'loss' });
    expect(periods.goodput()).toBeCloseTo(4e6);
    expect(periods.last?.cause).toBe('loss');
  });

  it('takes in earlier ones where it is not', () => {
    const periods = new BusyPeriods(arrivals());
    periods.add({ fromMs: 400, toMs: 800, cause: 'delay' });
    periods.add({ fromMs: 1200, toMs: 1300, cause: 'delay' });
    expect(periods.goodput()).toBeCloseTo((400 * 1e6 + 100 * 4e6) / 500, -4);
  });
});
