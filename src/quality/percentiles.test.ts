import { describe, expect, it } from 'vitest';
import { Samples } from './percentiles.ts';

function samples(values: readonly number[], most?: number): Samples {
  const set = new Samples(most);
  for (const value of values) set.add(value);
  return set;
}

describe('percentiles', () => {
  it('are values that occurred, by nearest rank, in whatever order they came', () => {
    const values = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
    expect(samples(values).percentiles()).toEqual({ min: 1, p50: 50, p95: 95, p99: 99, max: 100 });
    expect(samples([20, 35, 15, 50, 40]).percentiles()).toEqual({ min: 15, p50: 35, p95: 50, p99: 50, max: 50 });
  });

  it('of one sample are that sample, of none nothing', () => {
    expect(samples([7]).percentiles()).toEqual({ min: 7, p50: 7, p95: 7, p99: 7, max: 7 });
    expect(samples([]).percentiles()).toBeUndefined();
  });

  it('stay right within a percent, and the extremes exact, where there are more samples than are kept', () => {
    const many = 100_000;
    const values = Array.from({ length: many }, (_, i) => (i * 7919) % many);
    const { min, p50, p95, p99, max } = samples(values, 1000).percentiles()!;
    expect([min, max]).toEqual([0, many - 1]);
    expect(Math.abs(p50 / many - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(p95 / many - 0.95)).toBeLessThan(0.01);
    expect(Math.abs(p99 / many - 0.99)).toBeLessThan(0.01);
  });
});
