import { describe, expect, it } from 'vitest';
import { ArrivalLog } from './arrival-log.ts';
import { Interruptions } from './interruptions.ts';

function withArrivalsAt(...times: readonly number[]): Interruptions {
  const arrivals = new ArrivalLog();
  for (const atMs of times) arrivals.add(atMs, 1200);
  return new Interruptions(arrivals);
}

function many(): number {
  return 20;
}

function release(interruptions: Interruptions, atMs: number, lateMs = 0) {
  return interruptions.release({ silentSinceMs: atMs - 300, atMs, lateMs });
}

describe('an interruption', () => {
  it('is a silence in which packets were due', () => {
    const interruptions = withArrivalsAt(100, 110);
    expect(interruptions.isSilent(150, many)).toBe(false);
    expect(interruptions.isSilent(300, many)).toBe(true);
    expect(interruptions.isSilent(300, () => 2)).toBe(false);
  });

  it('is none before anything has arrived', () => {
    expect(withArrivalsAt().isSilent(5000, many)).toBe(false);
  });

  it('makes a cycle with the next', () => {
    const interruptions = withArrivalsAt();
    expect(release(interruptions, 1000)).toBeUndefined();
    const cycle = release(interruptions, 2000);
    expect(cycle).toMatchObject({ cause: 'loss', isCycle: true });
    expect(cycle!.toMs).toBeCloseTo(2000, 1);
    expect(interruptions.releasedAtMs).toBe(cycle!.toMs);
    expect(interruptions.cycleMs).toBeCloseTo(1000);
  });

  it('is by delay where the packets were kept', () => {
    const interruptions = withArrivalsAt();
    release(interruptions, 1000, 400);
    expect(release(interruptions, 2000, 400)).toMatchObject({ cause: 'delay' });
  });

  it('much earlier than the last ones is part of the cycle, not its end', () => {
    const interruptions = withArrivalsAt();
    release(interruptions, 1000);
    release(interruptions, 2000);
    expect(release(interruptions, 2400)).toBeUndefined();
    expect(release(interruptions, 3000)!.fromMs).toBeCloseTo(2000, 1);
  });

  it('is forgotten after some seconds, and does not count when it was none by the times of arrival', () => {
    const interruptions = withArrivalsAt();
    release(interruptions, 1000);
    expect(release(interruptions, 4000)).toBeUndefined();
    expect(interruptions.release({ silentSinceMs: 4950, atMs: 5000, lateMs: 0 })).toBeUndefined();
    expect(interruptions.releasedAtMs).toBeCloseTo(4000, 1);
  });
});
