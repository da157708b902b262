import { describe, expect, it } from 'vitest';
import { type GroupDelta, PacketGroups } from './packet-groups.ts';

function deltas(packets: readonly (readonly [sentAtMs: number, receivedAtMs: number])[]): GroupDelta[] {
  const groups = new PacketGroups();
  return packets.map(([sent, received]) => groups.add(sent, received)).filter((delta) => delta !== undefined);
}

describe('groups', () => {
  it('are of packets sent within 5 ms, and compared by the last of each', () => {
    const found = deltas([
      [0, 40],
      [4, 44],
      [20, 61],
      [23, 65],
      [40, 82],
    ]);
    expect(found).toEqual([{ sendDeltaMs: 19, arrivalDeltaMs: 21, atMs: 65 }]);
  });

  it('hold what comes in one burst after it was held up', () => {
    const found = deltas([
      [0, 40],
      [20, 100],
      [40, 101],
      [60, 102],
      [80, 120],
      [100, 140],
    ]);
    expect(found).toEqual([
      { sendDeltaMs: 60, arrivalDeltaMs: 62, atMs: 102 },
      { sendDeltaMs: 20, arrivalDeltaMs: 18, atMs: 120 },
    ]);
  });

  it('are not changed by a packet that was overtaken', () => {
    const found = deltas([
      [0, 40],
      [20, 60],
      [10, 61],
      [40, 80],
    ]);
    expect(found).toEqual([{ sendDeltaMs: 20, arrivalDeltaMs: 20, atMs: 60 }]);
  });
});
