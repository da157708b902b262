import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant as at } from '../time.ts';
import { TrafficAllowance, type TrafficRates } from '../token-bucket.ts';
import { ALLOWANCE_DOUBLES, SharedTrafficAllowance } from './traffic-allowance.ts';

function allowances(rates: TrafficRates, count = 1) {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const doubles = new Float64Array(new SharedArrayBuffer(8 * ALLOWANCE_DOUBLES));
  return { words, all: Array.from({ length: count }, () => new SharedTrafficAllowance(words, 0, doubles, 0, rates)) };
}

describe('SharedTrafficAllowance', () => {
  it('limits packets and bytes, whichever server they pass', () => {
    const [one, other] = allowances({ packetsPerSecond: 3, bytesPerSecond: 1000 }, 2).all;
    expect(one!.limited).toBe(true);
    expect([one, other, one].map((server) => server!.admit(400, at(0)))).toEqual([true, true, false]);
    expect([one, other, other, one].map((server) => server!.admit(1, at(1000)))).toEqual([true, true, true, false]);
  });

  it('lets everything pass, and touches nothing, when there is no limit', () => {
    const { words, all } = allowances({
      packetsPerSecond: Number.POSITIVE_INFINITY,
      bytesPerSecond: Number.POSITIVE_INFINITY,
    });
    words[0] = 7;
    expect(all[0]!.limited).toBe(false);
    for (let i = 0; i < 1000; i++) expect(all[0]!.admit(1e9, at(0))).toBe(true);
    expect(all[0]!.charge(1e9, at(0))).toBe(0);
    expect(words[0]).toBe(7);
  });

  it('limits one of the two alone', () => {
    const bytes = allowances({ packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond: 100 }).all[0]!;
    expect([60, 60, 40].map((length) => bytes.admit(length, at(5)))).toEqual([true, false, true]);
    const packets = allowances({ packetsPerSecond: 1, bytesPerSecond: Number.POSITIVE_INFINITY }).all[0]!;
    expect([1e9, 1].map((length) => packets.admit(length, at(5)))).toEqual([true, false]);
    expect(packets.charge(1e9, at(5))).toBe(0);
  });

  it('holds back a stream until what it owes has come in', () => {
    const [allowance] = allowances({ packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond: 1000 }).all;
    expect(allowance!.charge(1000, at(0))).toBe(0);
    expect(allowance!.charge(500, at(0))).toBe(500);
    expect(allowance!.charge(0, at(400))).toBeCloseTo(100);
  });

  it('counts like the allowance of a single server', () => {
    // Whole bytes flow in each millisecond, so that nothing is rounded.
    const rate = fc.integer({ min: 1, max: 3 }).map((perMillisecond) => perMillisecond * 1000);
    const steps = fc.array(fc.record({ wait: fc.nat(500), bytes: fc.integer({ min: 1, max: 900 }) }));
    fc.assert(
      fc.property(steps, rate, (all, bytesPerSecond) => {
        const rates = { packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond };
        const single = new TrafficAllowance(rates, at(0));
        const shared = allowances(rates, 2).all;
        let now = 0;
        for (const [i, { wait, bytes }] of all.entries()) {
          now += wait;
          expect(shared[i % 2]!.admit(bytes, at(now))).toBe(single.admit(bytes, at(now)));
        }
      }),
    );
  });

  it('breaks a lock that a dead thread has left behind', () => {
    const { words, all } = allowances({ packetsPerSecond: 1, bytesPerSecond: 1000 });
    words[0] = 1;
    expect(all[0]!.admit(1, at(0))).toBe(true);
    expect(words[0]).toBe(0);
    expect(all[0]!.admit(1, at(0))).toBe(false);
  });
});
