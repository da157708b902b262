import { describe, expect, it } from 'vitest';
import { PacketHistory } from './packet-history.ts';

function history(...sentAtMs: readonly number[]): PacketHistory {
  const made = new PacketHistory();
  sentAtMs.forEach((atMs, sequence) => {
    made.sent({ sequence, sentAtMs: atMs, bytes: 1200, cluster: undefined });
  });
  return made;
}

const sequences = (packets: readonly { readonly sequence: number }[]) => packets.map(({ sequence }) => sequence);

describe('a packet', () => {
  it('is lost when one that was sent more than 30 ms later has come', () => {
    const packets = history(0, 10, 35, 60);
    expect(packets.received(2)?.sentAtMs).toBe(35);
    expect(sequences(packets.takeLost(80, 20))).toEqual([0]);
    packets.received(3);
    expect(sequences(packets.takeLost(81, 20))).toEqual([1]);
  });

  it('is lost when it is a second late', () => {
    const packets = history(0, 10);
    expect(packets.takeLost(1019, 20)).toEqual([]);
    expect(sequences(packets.takeLost(1020, 20))).toEqual([0]);
  });

  it('counts once, and not when it was given up or never sent', () => {
    const packets = history(0, 100);
    expect(packets.received(1)).toBeDefined();
    expect(packets.received(1)).toBeUndefined();
    packets.takeLost(120, 20);
    expect(packets.received(0)).toBeUndefined();
    expect(packets.received(7)).toBeUndefined();
  });

  it('on its way is counted by when it was sent', () => {
    const packets = history(10, 30, 50);
    expect([9, 30, 50].map((atMs) => packets.count(atMs))).toEqual([0, 2, 3]);
    packets.received(0);
    expect(packets.count(30)).toBe(1);
  });

  it('on its way is as old as the oldest', () => {
    const packets = history(10, 30);
    expect(packets.oldestAgeMs(50)).toBe(40);
    packets.received(0);
    expect(packets.oldestAgeMs(50)).toBe(20);
    packets.received(1);
    expect(packets.oldestAgeMs(50)).toBe(0);
  });
});
