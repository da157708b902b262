import { describe, expect, it } from 'vitest';
import { RateControl } from './rate-control.ts';

const MAX = 50e6;

describe('the rate', () => {
  it('begins with half of what the clusters found, and soon passes it', () => {
    const control = new RateControl(MAX);
    control.begin(0, 4e6);
    expect(control.rate(0)).toBe(2e6);
    expect(control.rate(400)).toBeGreaterThan(4e6);
  });

  it('grows from a known estimate slowly at first and then ever faster', () => {
    const control = new RateControl(MAX);
    control.grow(0, 1e6);
    expect(control.rate(0)).toBeCloseTo(1.05e6);
    expect(control.rate(250) / control.rate(0)).toBeCloseTo(1.028, 2);
    expect(control.rate(1500) / control.rate(1250)).toBeGreaterThan(2);
  });

  it('falls to 0.85 of what is received, and further for a long queue', () => {
    const control = new RateControl(MAX);
    control.drain(0, 1e6, 20);
    expect(control.rate(500)).toBeCloseTo(0.85e6);
    control.drain(0, 1e6, 250);
    expect(control.rate(0)).toBeCloseTo(0.5e6);
    control.drain(0, 1e6, 5000);
    expect(control.rate(0)).toBeCloseTo(0.3e6);
  });

  it('is never above what is allowed, nor so low that nothing is learnt', () => {
    const control = new RateControl(2e6);
    control.grow(0, 1.99e6);
    expect(control.rate(0)).toBe(2e6);
    expect(control.rate(1e9)).toBe(2e6);
    control.drain(0, 0, 0);
    expect(control.rate(0)).toBe(50_000);
    const lower = new RateControl(30_000);
    lower.grow(0, 1e6);
    expect(lower.rate(0)).toBe(30_000);
  });
});
