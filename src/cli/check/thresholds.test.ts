import { describe, expect, it } from 'vitest';
import { quality } from '../../../test/check/reports.ts';
import { describeThreshold, judgeThresholds, type Threshold } from './thresholds.ts';

const thresholds: readonly Threshold[] = [
  { name: 'max-rtt', limit: 100 },
  { name: 'max-loss', limit: 0.01 },
  { name: 'min-bitrate', limit: 2_000_000 },
];
const kept = (...given: Parameters<typeof judgeThresholds>) => judgeThresholds(...given).map((result) => result.kept);

describe('thresholds', () => {
  it('are kept at the limit itself', () => {
    const exact = quality({ p50: 100, p95: 400, lossFraction: 0.01, bitsPerSecond: 2_000_000 });
    expect(kept(thresholds, exact)).toEqual([true, true, true]);
  });

  it('are broken beyond it', () => {
    const bad = quality({ p50: 100.1, lossFraction: 0.011, bitsPerSecond: 1_999_999 });
    const full = { ...bad, bandwidth: { ...bad.bandwidth, limitedBy: 'delay' as const } };
    expect(kept(thresholds, full)).toEqual([false, false, false]);
  });

  it('are kept where no more than the limit was tried, and that came through', () => {
    expect(kept(thresholds, quality({ bitsPerSecond: 1_950_000 }))[2]).toBe(true);
    expect(kept(thresholds, quality({ bitsPerSecond: 1_700_000 }))[2]).toBe(false);
  });

  it('are broken when nothing was measured', () => {
    expect(judgeThresholds(thresholds, undefined)[0]).toEqual({
      name: 'max-rtt',
      limit: 100,
      measured: undefined,
      kept: false,
    });
    expect(kept(thresholds, undefined)).toEqual([false, false, false]);
  });

  it('are broken when nothing came back, though a round trip of nothing is short', () => {
    const dead = quality({ p50: 0, received: 0, lossFraction: 1 });
    expect(kept(thresholds, dead)).toEqual([false, false, false]);
  });

  it('are told in words', () => {
    expect(judgeThresholds(thresholds, quality()).map(describeThreshold)).toEqual([
      'RTT 41 ms, at most 100 ms',
      'loss 0 %, at most 1.0 %',
      'bandwidth 4.8 Mbit/s, at least 2.0 Mbit/s',
    ]);
    expect(describeThreshold(judgeThresholds(thresholds, undefined)[0]!)).toBe('RTT not measured, at most 100 ms');
  });
});
