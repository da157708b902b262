import { describe, expect, it } from 'vitest';
import type { VerifiedApiKey } from '../credentials/api-keys.ts';
import { instant } from '../turn/time.ts';
import { KeyRates } from './key-rates.ts';

const key = (id: string, requestsPerSecond?: number): VerifiedApiKey => ({
  id,
  scopes: new Set(),
  limits: requestsPerSecond === undefined ? {} : { requestsPerSecond },
});

describe('the rate of a key', () => {
  it('lets as many at once as in a second, and no more', () => {
    const rates = new KeyRates();
    const taken = (at: number) => [1, 2, 3].map(() => rates.take(key('a', 2), instant(at)));
    expect(taken(0)).toEqual([true, true, false]);
    expect(taken(500)).toEqual([true, false, false]);
    expect(rates.take(key('b', 2), instant(500))).toBe(true);
  });

  it('is none for a key without a limit', () => {
    const rates = new KeyRates();
    for (let i = 0; i < 1000; i++) expect(rates.take(key('a'), instant(0))).toBe(true);
    expect(rates.size).toBe(0);
  });

  it('is the new one once it is changed', () => {
    const rates = new KeyRates();
    expect([rates.take(key('a', 1), instant(0)), rates.take(key('a', 1), instant(0))]).toEqual([true, false]);
    expect(rates.take(key('a', 5), instant(0))).toBe(true);
  });

  it('is kept for a bounded number of keys', () => {
    const rates = new KeyRates();
    for (let i = 0; i < 20_000; i++) rates.take(key(String(i), 1), instant(0));
    expect(rates.size).toBe(16_384);
    expect(rates.take(key('19999', 1), instant(0))).toBe(false);
  });
});
