import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SrvRecord } from './dns-resolver.ts';
import { inOrderOfTrial } from './service-records.ts';

function record(priority: number, weight: number, target: string): SrvRecord {
  return { priority, weight, port: 3478, target };
}

describe('inOrderOfTrial', () => {
  it('draws among equals in proportion to their weights (RFC 2782)', () => {
    const records = [record(1, 30, 'thirty'), record(1, 0, 'none'), record(1, 70, 'seventy')];
    const first = new Map<string, number>();
    for (let drawn = 0; drawn < 101; drawn++) {
      const { target } = inOrderOfTrial(records, () => drawn / 101)[0]!;
      first.set(target, (first.get(target) ?? 0) + 1);
    }
    expect(Object.fromEntries(first)).toEqual({ none: 1, thirty: 30, seventy: 70 });
  });

  it('keeps every target, by priority', () => {
    const srv = fc.record({
      priority: fc.nat(3),
      weight: fc.nat(65535),
      port: fc.integer({ min: 1, max: 65535 }),
      target: fc.domain(),
    });
    fc.assert(
      fc.property(fc.array(srv), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (records, drawn) => {
        const ordered = inOrderOfTrial(records, () => drawn);
        expect(new Set(ordered)).toEqual(new Set(records));
        expect(ordered.map(({ priority }) => priority)).toEqual(
          records.map(({ priority }) => priority).sort((a, b) => a - b),
        );
      }),
    );
  });

  it('leaves out what leads nowhere', () => {
    expect(inOrderOfTrial([record(1, 1, '.'), { ...record(1, 1, 'a'), port: 0 }], () => 0)).toEqual([]);
  });
});
