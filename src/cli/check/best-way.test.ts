import { describe, expect, it } from 'vitest';
import { failedWay, quality, way } from '../../../test/check/reports.ts';
import { bestWay } from './best-way.ts';

const udp = 'turn:a';
const tcp = 'turn:a?transport=tcp';
const tls = 'turns:a';

describe('the best way', () => {
  it('is none when none works', () => {
    expect(bestWay([failedWay(udp), failedWay(tcp, { notOffered: 'nothing listens there' })])).toBeUndefined();
  });

  it('is the only one that works', () => {
    expect(bestWay([failedWay(udp), way(tls)])).toEqual({ url: tls, because: 'it is the only one that works' });
  });

  it('is the one that loses least, whatever its round trip', () => {
    const lossy = way(udp, { quality: quality({ p50: 20, lossFraction: 0.08 }) });
    const slow = way(tcp, { quality: quality({ p50: 60 }) });
    expect(bestWay([lossy, slow])).toEqual({ url: tcp, because: 'it loses the fewest packets' });
  });

  it('is the one with the shortest round trip when losses are such as calls make good', () => {
    const far = way(tcp, { quality: quality({ p50: 60 }) });
    const near = way(tls, { quality: quality({ p50: 45, p95: 300, lossFraction: 0.04 }) });
    expect(bestWay([far, near])).toEqual({ url: tls, because: 'it has the shortest round trip' });
  });

  it('is the one that carries most when round trips are about equal', () => {
    const narrow = way(udp, { quality: quality({ bitsPerSecond: 1_000_000 }) });
    const wide = way(tls, { quality: quality({ p50: 43 }) });
    expect(bestWay([narrow, wide])).toEqual({ url: tls, because: 'it carries the most' });
  });

  it('is not decided by a bandwidth of which only the beginning was found', () => {
    const { bandwidth, ...rest } = quality({ bitsPerSecond: 1_000_000 });
    const unfinished = way(udp, { quality: { ...rest, bandwidth: { ...bandwidth, limitedBy: 'time' } } });
    expect(bestWay([unfinished, way(tcp, { quality: quality() })])?.url).toBe(udp);
  });

  it('is UDP when all are about equal, even where another is a little faster', () => {
    const ways = [
      way(tls, { quality: quality({ p50: 40 }) }),
      way(tcp, { quality: quality({ p50: 40 }) }),
      way(udp, { quality: quality({ p50: 42, lossFraction: 0.002 }) }),
    ];
    const best = bestWay(ways);
    expect(best?.url).toBe(udp);
    expect(best?.because).toBe(
      'it is about as good as TLS, and over UDP a lost packet does not hold up those behind it',
    );
  });

  it('is TCP rather than TLS when both are about equal', () => {
    const ways = [way(tls, { quality: quality() }), way(tcp, { quality: quality() })];
    expect(bestWay(ways)).toMatchObject({ url: tcp, because: expect.stringContaining('about as good as TLS') });
  });

  it('is told by the echo when nothing was measured', () => {
    const slow = way(udp, { rungs: [{ ...way(udp).rungs[1]!, facts: { medianMs: 90 } }] });
    expect(bestWay([slow, way(tcp)])).toEqual({ url: tcp, because: 'it has the shortest round trip' });
  });

  it('is not one of which nothing came back', () => {
    const dead = way(udp, { quality: quality({ received: 0, lossFraction: 1 }) });
    expect(bestWay([dead, way(tls, { quality: quality({ lossFraction: 0.3 }) })])?.url).toBe(tls);
  });
});
