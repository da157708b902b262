import { describe, expect, it } from 'vitest';
import { meaningOf } from './meaning.ts';
import type { Bandwidth, PacketCounts, Percentiles } from './report.ts';

interface Path {
  readonly mbps?: number;
  readonly limitedBy?: Bandwidth['limitedBy'];
  readonly oneWayMs?: number;
  readonly variationMs?: number;
  readonly lost?: number;
  readonly longestBurst?: number;
  readonly sent?: number;
}

function meaning(path: Path) {
  const {
    mbps = 6,
    limitedBy = 'delay',
    oneWayMs = 40,
    variationMs = 5,
    lost = 0,
    longestBurst = 1,
    sent = 2000,
  } = path;
  const packets: PacketCounts = {
    sent,
    received: sent - lost,
    lost,
    lossFraction: sent === lost ? 1 : lost / sent,
    reordered: 0,
    duplicated: 0,
    longestBurst,
  };
  const max = oneWayMs + variationMs;
  const roundTripMs: Percentiles = { min: oneWayMs, p50: oneWayMs, p95: max, p99: max, max };
  return meaningOf({ packets, roundTripMs, bandwidth: { bitsPerSecond: mbps * 1e6, limitedBy } });
}

describe('what the figures mean for a call', () => {
  it.each([
    [10, '1080p'],
    [5.34, '1080p'],
    [5.3, '720p'],
    [3.3, '540p'],
    [1.5, '360p'],
    [0.5, '270p'],
    [0.2, '180p'],
    [0.19, undefined],
    [0, undefined],
  ])('through %d Mbit/s goes %s', (mbps, name) => {
    expect(meaning({ mbps }).video?.name).toBe(name);
  });

  it('says all of it in sentences on a good path', () => {
    expect(meaning({})).toEqual({
      video: { name: '1080p', bitsPerSecond: 4_000_000 },
      playoutDelayMs: 5,
      repair: 'none-needed',
      sentences: [
        'Video fits up to 1080p (4.0 Mbit/s), with a quarter of the bandwidth in reserve for sound, repairs and worse moments.',
        'Speech is good, with a delay of 40 ms from one person to the other.',
        'No packet was lost: nothing has to be made good.',
        'A jitter buffer has to hold back packets for 5.0 ms, so that 99 % come in time.',
      ],
    });
  });

  it('says so when the bandwidth was not looked for to its end', () => {
    expect(meaning({ mbps: 2, limitedBy: 'asked' }).sentences[0]).toBe(
      'Video fits up to 540p (1.2 Mbit/s), with a quarter of the bandwidth in reserve for sound, repairs and worse moments. More may fit: no more was tried.',
    );
    expect(meaning({ mbps: 2, limitedBy: 'time' }).sentences[0]).toContain(
      'More may fit: there was no time to find out.',
    );
    expect(meaning({ mbps: 10, limitedBy: 'asked' }).sentences[0]).not.toContain('More');
  });

  it('says whether sound fits where no video does', () => {
    expect(meaning({ mbps: 0.1 }).sentences[0]).toBe(
      'No video fits: 180p, the smallest, takes 0.15 Mbit/s and a third more in reserve; sound alone fits.',
    );
    expect(meaning({ mbps: 0.05 }).sentences[0]).toContain('sound alone does not fit either.');
  });

  it('says what speech suffers from', () => {
    expect(meaning({ oneWayMs: 350 }).sentences[1]).toBe(
      'Speech is poor: many people will complain. The reason: the delay (350 ms from one person to the other).',
    );
    expect(meaning({ lost: 100 }).sentences[1]).toBe(
      'Speech is fair: some people will complain. The reason: the lost packets (5.0 %).',
    );
    expect(meaning({ lost: 400, oneWayMs: 350 }).sentences[1]).toBe(
      'Speech is bad: hardly anybody will want to talk. The reason: the delay (350 ms from one person to the other) and the lost packets (20.0 %).',
    );
    // Neither would be bad alone.
    expect(meaning({ lost: 30, oneWayMs: 220 }).sentences[1]).toContain(
      'the delay (220 ms from one person to the other) and the lost',
    );
  });

  it('counts in what a jitter buffer adds to the delay of speech', () => {
    expect(meaning({ oneWayMs: 50, variationMs: 1400 }).sentences[1]).toBe(
      'Speech is bad: hardly anybody will want to talk. The reason: the delay (1,450 ms from one person to the other, jitter buffer included).',
    );
    expect(meaning({ oneWayMs: 40, variationMs: 30 }).sentences[1]).toBe(
      'Speech is good, with a delay of 70 ms from one person to the other, jitter buffer included.',
    );
  });

  it('says how lost packets are made good, and why', () => {
    expect(meaning({ lost: 4 }).sentences[2]).toBe('So few packets are lost that nothing has to be done about it.');
    expect(meaning({ lost: 40, oneWayMs: 20 }).sentences[2]).toBe(
      'Lost packets are best sent again (NACK): the round trip is so short that a packet sent again arrives after 65 ms, within the 150 ms that nobody notices.',
    );
    expect(meaning({ lost: 40, oneWayMs: 120 }).sentences[2]).toBe(
      'Lost packets are best made good by forward error correction (FEC): the round trip of a call is 240 ms, so a packet sent again arrives after 365 ms, beyond the 150 ms that nobody notices.',
    );
    expect(meaning({ lost: 240 }).sentences[2]).toBe(
      'So many packets are lost (12.0 %) that those sent again are lost too: it takes retransmission (NACK) and forward error correction (FEC) together.',
    );
  });

  it('warns of bursts', () => {
    expect(meaning({ lost: 40, longestBurst: 8 }).sentences[3]).toBe(
      'Up to 8 packets in a row are lost: forward error correction has to spread over more than that.',
    );
  });

  it('speaks of no buffer where packets come evenly', () => {
    expect(meaning({ variationMs: 0.4 }).sentences.at(-1)).toBe(
      'Packets come evenly: a jitter buffer has nothing to even out.',
    );
  });

  it('says when the relay fell silent, and what the path was like until then', () => {
    const packets: PacketCounts = {
      ...{ sent: 2000, received: 999, lost: 1001, lossFraction: 0.5005 },
      ...{ reordered: 0, duplicated: 0, longestBurst: 1000 },
    };
    const roundTripMs: Percentiles = { min: 40, p50: 40, p95: 41, p99: 45, max: 50 };
    const bandwidth: Bandwidth = { bitsPerSecond: 6e6, limitedBy: 'asked' };
    const figures = { packets, roundTripMs, bandwidth, silentAfterMs: 6200 };
    const { sentences, repair } = meaningOf(figures, { final: { afterMs: 6200, packets: 1000 } });
    expect(repair).toBe('none-needed');
    expect(sentences[0]).toBe(
      'After 6.2 s nothing came through any more: the relay, or the way to it, has failed, and a call would have ended. What follows is about the time before.',
    );
    expect(sentences[2]).toContain('Speech is good');
    expect(sentences.join(' ')).not.toContain('in a row');
  });

  it('says of a path that was dead for a while that no repair bridges that', () => {
    const packets = { ...{ sent: 2000, received: 1900, lost: 100, lossFraction: 0.05 }, longestBurst: 100 };
    const roundTripMs: Percentiles = { min: 40, p50: 40, p95: 41, p99: 45, max: 50 };
    const bandwidth: Bandwidth = { bitsPerSecond: 6e6, limitedBy: 'asked' };
    const figures = { packets: { ...packets, reordered: 0, duplicated: 0 }, roundTripMs, bandwidth };
    const text = meaningOf(figures, { longestMs: 500 }).sentences.join(' ');
    expect(text).toContain(
      'For 0.5 s nothing came through at all: no repair bridges that, and a call would have stood still.',
    );
    expect(text).not.toContain('in a row');
  });

  it('says of a dead path only that it is dead', () => {
    expect(meaning({ lost: 2000 })).toEqual({
      video: undefined,
      playoutDelayMs: 0,
      repair: 'none-needed',
      sentences: ['Nothing that was sent through the relay came back: no call is possible this way.'],
    });
    expect(meaning({ sent: 0 }).sentences).toEqual(['The measurement was ended before anything was measured.']);
  });
});
