import { describe, expect, it } from 'vitest';
import { OveruseDetector } from './overuse-detector.ts';

const GROUPS = 60;
/** The slope whose trend is this, with full confidence. */
const slopeOf = (trend: number) => trend / (60 * 4);

describe('overuse', () => {
  it('is told when the trend is above the threshold for more than 10 ms, twice, and not falling', () => {
    const detector = new OveruseDetector();
    expect(detector.detect({ slope: slopeOf(20), groups: GROUPS }, 8, 0)).toBe('normal');
    expect(detector.detect({ slope: slopeOf(20), groups: GROUPS }, 8, 8)).toBe('overusing');
  });

  it('is not told of a trend that falls', () => {
    const detector = new OveruseDetector();
    const usages = [26, 24, 22, 20, 18].map((trend, i) =>
      detector.detect({ slope: slopeOf(trend), groups: GROUPS }, 8, i * 8),
    );
    expect(usages).not.toContain('overusing');
  });

  it('is not told of a trend below the threshold', () => {
    const detector = new OveruseDetector();
    for (let i = 0; i < 20; i++) {
      expect(detector.detect({ slope: slopeOf(5), groups: GROUPS }, 8, i * 8)).toBe('normal');
    }
  });

  it('needs a steeper slope while few groups have been seen', () => {
    const detector = new OveruseDetector();
    for (let i = 0; i < 5; i++) {
      expect(detector.detect({ slope: slopeOf(20), groups: 20 }, 8, i * 8)).toBe('normal');
    }
  });

  it('has an opposite, when a queue becomes shorter', () => {
    expect(new OveruseDetector().detect({ slope: slopeOf(-20), groups: GROUPS }, 8, 0)).toBe('underusing');
  });
});

describe('the threshold', () => {
  const adapted = (trend: number, times: number) => {
    const detector = new OveruseDetector();
    for (let i = 0; i < times; i++) detector.detect({ slope: slopeOf(trend), groups: GROUPS }, 8, i * 20);
    return detector.threshold;
  };

  it('falls on a calm path, to 6', () => {
    expect(adapted(0, 1)).toBe(12.5);
    expect(adapted(0, 200)).toBe(6);
  });

  it('rises slowly on a restless one', () => {
    expect(adapted(25, 5)).toBeGreaterThan(12.5);
    expect(adapted(25, 100)).toBeGreaterThan(24);
  });

  it('does not follow a sudden change', () => {
    expect(adapted(100, 50)).toBe(12.5);
  });

  it('stays within 600', () => {
    const detector = new OveruseDetector();
    for (let trend = 10; trend < 2000; trend += 10) {
      for (let i = 0; i < 20; i++) {
        detector.detect({ slope: slopeOf(trend), groups: GROUPS }, 8, (trend * 20 + i) * 100);
      }
    }
    expect(detector.threshold).toBeLessThanOrEqual(600);
  });
});
