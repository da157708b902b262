import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPortAllocation } from './port-allocation.ts';

const locals = [40_001, 51_310, 33_333, 60_006, 45_678, 39_999, 57_000, 36_543];
const pairs = (mapped: readonly number[]) =>
  mapped.map((port, i) => ({ local: locals[i % locals.length]!, mapped: port }));
const read = (mapped: readonly number[]) => readPortAllocation(pairs(mapped), pairs(mapped));

describe('how ports are chosen', () => {
  it('preserving, though one was taken', () => {
    const all = Array.from({ length: 20 }, (_, i) => ({ local: 40_000 + i, mapped: i === 7 ? 1024 : 40_000 + i }));
    expect(readPortAllocation(all.slice(0, 8), all)).toMatchObject({ allocation: 'preserving', step: null });
  });

  it.each([
    ['up', [100, 101, 102, 103, 104, 105, 106, 107], 1],
    ['up, with others in between', [100, 102, 103, 106, 107, 109, 110, 111], 1],
    ['up, with one or two others always in between', [100, 102, 105, 107, 109, 112, 114, 116], 1],
    ['up by two, with others in between', [100, 104, 110, 112, 116, 118, 122, 124], 2],
    ['down', [900, 898, 896, 894, 892, 890, 888, 886], -2],
    ['up, beginning anew once', [65_532, 65_533, 65_534, 65_535, 1024, 1025, 1026, 1027], 1],
  ])('sequential: %s', (_, mapped, step) => {
    expect(read(mapped)).toMatchObject({ allocation: 'sequential', step });
  });

  it('sequential, as other sockets show that another port was given in between', () => {
    const inOrder = pairs([100, 102, 104, 106, 108, 110, 112, 114]);
    expect(readPortAllocation(inOrder, inOrder, [99, 116, 118])).toMatchObject({ step: 1 });
    // What was counted long before says nothing.
    expect(readPortAllocation(inOrder, inOrder, [51, 150])).toMatchObject({ step: 2 });
  });

  it('from a block', () => {
    expect(read([30_100, 31_900, 30_500, 30_001, 31_000, 30_750, 31_500, 30_300])).toMatchObject({
      allocation: 'block',
      span: 1899,
    });
  });

  it('at random', () => {
    expect(read([3100, 61_900, 12_500, 44_001, 9000, 30_750, 51_500, 23_300])).toMatchObject({ allocation: 'random' });
  });

  it('counts in any steps up to sixteen, from anywhere, even where sockets are missing', () => {
    const step = fc.integer({ min: 1, max: 5 });
    const start = fc.integer({ min: 1024, max: 60_000 });
    const kept = fc.subarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 5 });
    fc.assert(
      fc.property(step, start, kept, (by, from, indices) => {
        const report = read(indices.map((i) => from + i * by));
        expect(report.allocation).toBe('sequential');
        // With every other one missing, the step looks like twice or more.
        expect(report.step! % by).toBe(0);
      }),
    );
  });

  it('keeps parity or does not', () => {
    expect(read(locals.map((port) => 1024 + 2 * (port % 900) + (port & 1))).parityPreserved).toBe(true);
    expect(read(locals.map((port) => 1025 + 2 * (port % 900) + (port & 1))).parityPreserved).toBe(false);
  });
});
