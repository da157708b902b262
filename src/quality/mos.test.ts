import { describe, expect, it } from 'vitest';
import { meanOpinionScore } from './mos.ts';

describe('the mean opinion score', () => {
  it.each([
    { oneWayMs: 0, loss: 0, score: 4.395 },
    { oneWayMs: 150, loss: 0, score: 4.303 },
    { oneWayMs: 300, loss: 0, score: 3.525 },
    { oneWayMs: 20, loss: 0.05, score: 3.778 },
    { oneWayMs: 20, loss: 0.2, score: 2.767 },
  ])('with $oneWayMs ms and a loss of $loss is $score', ({ oneWayMs, loss, score }) => {
    expect(meanOpinionScore(oneWayMs, loss)).toBeCloseTo(score, 3);
  });

  it('is never outside its scale', () => {
    for (let oneWayMs = 0; oneWayMs < 2000; oneWayMs += 10) {
      for (let loss = 0; loss <= 1; loss += 0.05) {
        const score = meanOpinionScore(oneWayMs, loss);
        expect(score).toBeGreaterThanOrEqual(1);
        expect(score).toBeLessThanOrEqual(4.5);
      }
    }
    expect(meanOpinionScore(5000, 1)).toBe(1);
  });
});
