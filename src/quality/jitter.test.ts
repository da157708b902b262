import { describe, expect, it } from 'vitest';
import { InterarrivalJitter } from './jitter.ts';

function jitterOf(...transitsMs: number[]): InterarrivalJitter {
  const jitter = new InterarrivalJitter();
  for (const transit of transitsMs) jitter.add(transit);
  return jitter;
}

describe('interarrival jitter', () => {
  it('follows RFC 3550 §6.4.1: a sixteenth of each new deviation', () => {
    expect(jitterOf(10, 14).current).toBe(0.25);
    expect(jitterOf(10, 14, 10).current).toBe(0.25 + (4 - 0.25) / 16);
  });

  it('does not depend on the delay, but on its changes', () => {
    expect(jitterOf(10, 14, 10, 12).current).toBe(jitterOf(510, 514, 510, 512).current);
    expect(jitterOf(40, 40, 40).current).toBe(0);
  });

  it('comes to the deviation when it stays the same, and so does the average', () => {
    const jitter = jitterOf(...Array.from({ length: 5000 }, (_, i) => 20 + (i % 2) * 6));
    expect(jitter.current).toBeCloseTo(6, 6);
    expect(jitter.average).toBeGreaterThan(5.9);
  });

  it('is nothing with one packet or none', () => {
    expect(jitterOf().average).toBe(0);
    expect(jitterOf(40).average).toBe(0);
  });

  it('on average is not what happens to be at the end', () => {
    const jitter = jitterOf(...Array.from({ length: 1000 }, () => 20), 120);
    expect(jitter.current).toBe(100 / 16);
    expect(jitter.average).toBeLessThan(0.01);
  });
});
