import { describe, expect, it } from 'vitest';
import type { ProbeCluster } from './probe-cluster.ts';
import { ProbeSearch } from './probe-search.ts';

const options = { startBitsPerSecond: 300_000, maxBitsPerSecond: 20e6, packetBytes: 1200 };

/** Sends a cluster over a path of this rate; without one, all of it is lost. */
function send(search: ProbeSearch, cluster: ProbeCluster, pathBitsPerSecond?: number): void {
  const spacing = (bitsPerSecond: number) => (1200 * 8000) / bitsPerSecond;
  for (let i = 0; i < cluster.packets; i++) search.sent(cluster.id, i * spacing(cluster.bitsPerSecond), 1200);
  for (let i = 0; i < cluster.packets; i++) {
    if (pathBitsPerSecond === undefined) search.lost(cluster.id);
    else search.received(cluster.id, 50 + i * spacing(Math.min(cluster.bitsPerSecond, pathBitsPerSecond)), 1200);
  }
}

/** The rates that are tried. */
function tried(pathBitsPerSecond?: number, max = 20e6): number[] {
  const search = new ProbeSearch({ ...options, maxBitsPerSecond: max });
  const rates: number[] = [];
  for (let waiting = search.next(); waiting !== undefined; waiting = search.next()) {
    const second = search.next();
    for (const cluster of second === undefined ? [waiting] : [waiting, second]) {
      rates.push(Math.round(cluster.bitsPerSecond / 1000));
      send(search, cluster, pathBitsPerSecond);
    }
  }
  expect(search.isOver).toBe(true);
  return rates;
}

describe('the search by clusters', () => {
  it('tries 3 and 6 times the start, then twice what it found, up to the highest', () => {
    expect(tried(100e6)).toEqual([900, 1800, 3600, 7200, 14_400, 20_000]);
  });

  it('ends when a cluster finds no more than 0.7 of what it asked for', () => {
    expect(tried(5e6)).toEqual([900, 1800, 3600, 7200]);
    expect(tried(1e6)).toEqual([900, 1800]);
  });

  it('never tries more than is allowed', () => {
    expect(tried(100e6, 500_000)).toEqual([500]);
    expect(tried(100e6, 1_000_000)).toEqual([900, 1000]);
  });

  it('tries a cluster once more that found nothing, and then gives up', () => {
    expect(tried(undefined)).toEqual([900, 1800, 1800]);
  });

  it('gives what the last cluster found', () => {
    const search = new ProbeSearch(options);
    expect(search.result).toBeUndefined();
    send(search, search.next()!, 100e6);
    expect(search.isOver).toBe(false);
    expect(search.result).toBeCloseTo(900_000);
  });
});
