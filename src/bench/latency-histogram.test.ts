import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

describe('a latency histogram', () => {
  it('has no quantiles when it is empty', () => {
    expect(new LatencyHistogram().quantile(0.5)).toBeUndefined();
  });

  it('is exact for small values', () => {
    const histogram = new LatencyHistogram();
    for (let value = 1; value <= 100; value++) histogram.add(value);
    expect([0, 0.5, 0.99, 1].map((share) => histogram.quantile(share))).toEqual([1, 50, 99, 100]);
  });

  it('counts a negative latency, which a clock may give, as none', () => {
    const histogram = new LatencyHistogram();
    histogram.add(-3);
    expect(histogram.quantile(0.5)).toBe(0);
  });

  it('is within 1.6 % of the true quantile', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (latencies, share) => {
        const histogram = new LatencyHistogram();
        for (const latency of latencies) histogram.add(latency);
        const sorted = [...latencies].sort((a, b) => a - b);
        const exact = Math.round(sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!);
        expect(Math.abs(histogram.quantile(share)! - exact)).toBeLessThanOrEqual(exact * 0.016);
      }),
      { numRuns: 1000 },
    );
  });
});
