import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arrivals } from './arrivals.ts';

function counted(arrivals: Arrivals): readonly [delivered: number, duplicates: number] {
  return [arrivals.delivered, arrivals.duplicates];
}

describe('arrivals', () => {
  it('count each packet once, and duplicates apart', () => {
    const arrivals = new Arrivals(2);
    for (const sequence of [0, 1, 1, 2, 0]) arrivals.add(0, sequence, 10);
    for (const sequence of [0, 1]) arrivals.add(1, sequence, 10);
    expect(counted(arrivals)).toEqual([5, 2]);
  });

  it('count packets of lanes that are not there as nothing', () => {
    const arrivals = new Arrivals(1);
    arrivals.add(1, 0, 10);
    expect(counted(arrivals)).toEqual([0, 0]);
  });

  it('are right after a long gap', () => {
    const arrivals = new Arrivals(1);
    for (const sequence of [5, 5000, 5, 4000, 4999, 4999, 5000, 6023, 5000, 6024, 5125]) arrivals.add(0, sequence, 10);
    // What is further back than the window is taken for late: the second 5. What 5 left behind is not 5125, five windows on.
    expect(counted(arrivals)).toEqual([8, 3]);
  });

  it('are right in any order within the window', () => {
    const sequences = fc.array(fc.tuple(fc.nat(2), fc.nat(1000)), { maxLength: 500 });
    fc.assert(
      fc.property(sequences, (packets) => {
        const arrivals = new Arrivals(3);
        for (const [lane, sequence] of packets) arrivals.add(lane, sequence, 1);
        const different = new Set(packets.map((packet) => packet.join()));
        expect(counted(arrivals)).toEqual([different.size, packets.length - different.size]);
      }),
    );
  });

  it('report latencies of what was delivered, and none when nothing was', () => {
    const arrivals = new Arrivals(1);
    expect(arrivals.report(3)).toEqual({ delivered: 0, duplicates: 0, overflows: 3, latency: undefined });
    for (let sequence = 0; sequence < 100; sequence++) arrivals.add(0, sequence, sequence + 1);
    arrivals.add(0, 7, 1_000_000);
    expect(arrivals.report(0)).toEqual({ delivered: 100, duplicates: 1, overflows: 0, latency: { p50: 50, p99: 99 } });
  });
});
