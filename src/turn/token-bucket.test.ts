import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant } from './time.ts';
import { TokenBucket, TrafficAllowance } from './token-bucket.ts';

const at = instant;

describe('TokenBucket', () => {
  it('starts full, refills with time, never above its burst', () => {
    const bucket = new TokenBucket({ perSecond: 5, burst: 10 }, at(0));
    expect(bucket.take(10, at(0))).toBe(true);
    expect(bucket.take(1, at(0))).toBe(false);
    expect(bucket.take(1, at(199))).toBe(false);
    expect(bucket.take(1, at(200))).toBe(true);
    expect(bucket.take(10, at(1_000_000))).toBe(true);
    expect(bucket.take(1, at(1_000_000))).toBe(false);
  });

  it('gives more than it can hold from a full bucket, which then owes', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 10 }, at(0));
    expect(bucket.take(15, at(0))).toBe(true);
    expect(bucket.take(1, at(500))).toBe(false);
    expect(bucket.take(1, at(600))).toBe(true);
    expect(bucket.take(15, at(700))).toBe(false);
  });

  it('takes no harm from a time before the last', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, at(1000));
    expect(bucket.take(1, at(1000))).toBe(true);
    expect(bucket.take(1, at(0))).toBe(false);
    expect(bucket.take(1, at(2000))).toBe(true);
  });

  it('lets everything pass when it is unlimited', () => {
    const bucket = new TokenBucket({ perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }, at(0));
    for (let i = 0; i < 1000; i++) expect(bucket.take(1e9, at(0))).toBe(true);
  });

  it('never gives more than burst and rate together', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(500), amount: fc.integer({ min: 1, max: 10 }) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 10, max: 50 }),
        (all, perSecond, burst) => {
          const bucket = new TokenBucket({ perSecond, burst }, at(0));
          let now = 0;
          let given = 0;
          for (const { wait, amount } of all) {
            now += wait;
            if (bucket.take(amount, at(now))) given += amount;
            expect(given).toBeLessThanOrEqual(burst + (perSecond * now) / 1000 + 1e-6);
          }
        },
      ),
    );
  });
});

describe('what has no limit', () => {
  const none = Number.POSITIVE_INFINITY;

  it('needs no bucket of its own, and what has one does', () => {
    expect(TokenBucket.of({ perSecond: none, burst: none }, at(0))).toBe(TokenBucket.unlimited);
    expect(TokenBucket.of({ perSecond: 1, burst: 1 }, at(0))).not.toBe(
      TokenBucket.of({ perSecond: 1, burst: 1 }, at(0)),
    );
    const unlimited = { packetsPerSecond: none, bytesPerSecond: none };
    expect(TrafficAllowance.of(unlimited, at(0))).toBe(TrafficAllowance.unlimited);
    for (const rates of [
      { ...unlimited, packetsPerSecond: 1 },
      { ...unlimited, bytesPerSecond: 1 },
    ]) {
      const [one, other] = [TrafficAllowance.of(rates, at(0)), TrafficAllowance.of(rates, at(0))];
      expect([one, one, other].map((allowance) => allowance!.admit(1, at(0)))).toEqual([true, false, true]);
    }
  });
});

describe('TrafficAllowance', () => {
  it('limits packets and bytes', () => {
    const allowance = new TrafficAllowance({ packetsPerSecond: 3, bytesPerSecond: 1000 }, at(0));
    expect([400, 400, 400].map((bytes) => allowance.admit(bytes, at(0)))).toEqual([true, true, false]);
    expect(allowance.admit(1, at(0))).toBe(false);
    expect([1, 1, 1, 1].map((bytes) => allowance.admit(bytes, at(1000)))).toEqual([true, true, true, false]);
  });
});
