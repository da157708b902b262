import { describe, expect, it } from 'vitest';
import { clusterPackets, ProbeCluster } from './probe-cluster.ts';

const BYTES = 1000;

/** What a cluster of packets sent and received at these intervals finds. */
function resultOf(sentEveryMs: number, receivedEveryMs: number, packets = 5, received = packets): number | undefined {
  const cluster = new ProbeCluster(1, 1e6, packets);
  for (let i = 0; i < packets; i++) cluster.sent(i * sentEveryMs, BYTES);
  for (let i = 0; i < packets; i++) {
    if (i < received) cluster.received(50 + i * receivedEveryMs, BYTES);
    else cluster.lost();
  }
  expect(cluster.isOver).toBe(true);
  return cluster.result();
}

describe('a probe cluster', () => {
  it('has five packets at least, and lasts 15 ms at least', () => {
    expect(clusterPackets(100_000, 1200)).toBe(5);
    expect(((clusterPackets(20e6, 1200) - 1) * 1200 * 8000) / 20e6).toBeGreaterThanOrEqual(15);
  });

  it('that comes as it was sent finds the rate at which it was sent', () => {
    expect(resultOf(4, 4)).toBe(2_000_000);
  });

  it('that comes a little faster finds no more than was sent', () => {
    expect(resultOf(4, 3)).toBe(2_000_000);
  });

  it('that comes slower finds a little less than came', () => {
    expect(resultOf(4, 8)).toBe(0.95 * 1_000_000);
  });

  it('of which too little comes finds nothing', () => {
    expect(resultOf(4, 4, 10, 7)).toBeUndefined();
    expect(resultOf(4, 4, 10, 8)).toBeDefined();
  });

  it('that comes more than twice as fast as it was sent finds nothing', () => {
    expect(resultOf(4, 1.9)).toBeUndefined();
    expect(resultOf(4, 0)).toBeUndefined();
  });
});
