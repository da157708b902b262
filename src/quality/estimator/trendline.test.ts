import { describe, expect, it } from 'vitest';
import { Trendline } from './trendline.ts';

/** The last slope of groups sent every 10 ms of which each takes so much longer than the one before. */
function slopeOf(longerMs: number, groups: number): number | undefined {
  const trendline = new Trendline();
  let slope: number | undefined;
  for (let i = 1; i <= groups; i++) {
    const arrivalDeltaMs = 10 + longerMs;
    slope = trendline.add({ sendDeltaMs: 10, arrivalDeltaMs, atMs: i * arrivalDeltaMs })?.slope;
  }
  return slope;
}

describe('the trend of the delay', () => {
  it('is not told before twenty groups', () => {
    expect(slopeOf(1, 19)).toBeUndefined();
    expect(slopeOf(1, 20)).toBeDefined();
  });

  it('is none where the delay stays the same', () => {
    expect(slopeOf(0, 50)).toBeCloseTo(0);
  });

  it('is the delay gained in the time of arrival', () => {
    expect(slopeOf(1, 300)).toBeCloseTo(1 / 11, 3);
    expect(slopeOf(-1, 300)).toBeCloseTo(-1 / 9, 3);
  });

  it('counts the groups', () => {
    const trendline = new Trendline();
    for (let i = 1; i < 25; i++) trendline.add({ sendDeltaMs: 10, arrivalDeltaMs: 10, atMs: i * 10 });
    expect(trendline.add({ sendDeltaMs: 10, arrivalDeltaMs: 10, atMs: 250 })?.groups).toBe(25);
  });

  it('is not told of groups that all come at one moment', () => {
    const trendline = new Trendline();
    for (let i = 0; i < 30; i++) {
      expect(trendline.add({ sendDeltaMs: 10, arrivalDeltaMs: 0, atMs: 500 })).toBeUndefined();
    }
  });
});
