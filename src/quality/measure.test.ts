import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { StallingClock } from '../../test/quality-lab/stalling-clock.ts';
import { VirtualRelay, type VirtualRelayOptions } from '../../test/quality-lab/virtual-relay.ts';
import { SeededRandom } from '../../test/virtual-network/seeded-random.ts';
import { measureQuality, type QualityOptions, type QualityProgress } from './measure.ts';

const DURATION_MS = 10_000;

interface Run extends VirtualRelayOptions, Pick<Partial<QualityOptions>, 'durationMs' | 'maxBitsPerSecond' | 'signal'> {
  readonly abortAtMs?: number;
  /** The program is held up so often, for 60 ms. */
  readonly stallEveryMs?: number;
}

async function measure({ durationMs = DURATION_MS, maxBitsPerSecond = 8e6, abortAtMs, stallEveryMs, ...path }: Run) {
  const clock = new VirtualClock();
  const ownClock = stallEveryMs === undefined ? clock : new StallingClock(clock, stallEveryMs, 60);
  const relay = new VirtualRelay(ownClock, path);
  const random = new SeededRandom(1);
  const aborting = new AbortController();
  if (abortAtMs !== undefined) clock.schedule(abortAtMs, () => aborting.abort());
  const progress: QualityProgress[] = [];
  const report = await clock.until(
    measureQuality(relay.near, relay.far, {
      clock: ownClock,
      random: (bytes) => random.bytes(bytes),
      durationMs,
      maxBitsPerSecond,
      signal: aborting.signal,
      onProgress: (one) => progress.push(one),
    }),
  );
  const { sent } = report.packets;
  return { report, relay, clock, progress, stream: { sent: relay.sent.slice(-sent), lost: relay.fates.slice(-sent) } };
}

describe('the quality of a relay', () => {
  it('is that of the path, when nothing is wrong with it', async () => {
    const { report } = await measure({ delayMs: 40 });
    expect(report).toMatchObject({
      packets: { lost: 0, lossFraction: 0, reordered: 0, duplicated: 0, longestBurst: 0 },
      roundTripMs: { min: 40, p50: 40, p95: 40, p99: 40, max: 40 },
      jitterMs: 0,
      bandwidth: { limitedBy: 'asked' },
      meaning: { video: { name: '1080p' }, playoutDelayMs: 0, repair: 'none-needed' },
    });
    expect(report.mos).toBe(4.37);
  });

  it('is told by 2,000 packets in ten seconds, and takes no longer than asked', async () => {
    const { report, clock, relay } = await measure({ delayMs: 40 });
    expect(report.packets.sent).toBeGreaterThanOrEqual(1995);
    expect(clock.now()).toBeLessThanOrEqual(DURATION_MS);
    expect(relay.sent.at(-1)!.atMs).toBeGreaterThan(0.9 * DURATION_MS);
  });

  it('has the bandwidth of a narrow path, and the delay that it has without a queue of our making', async () => {
    const { report } = await measure({ delayMs: 30, bitsPerSecond: 2e6 });
    expect(report.bandwidth.bitsPerSecond).toBeGreaterThan(1.6e6);
    expect(report.bandwidth.bitsPerSecond).toBeLessThan(2.4e6);
    // The queue that the probes have left would be some 100 ms.
    expect(report.roundTripMs.max).toBeLessThan(45);
    expect(report.packets.lost).toBe(0);
  });

  it('counts the lost packets of the stream, and no others', async () => {
    const random = new SeededRandom(7);
    const { report, stream } = await measure({ delayMs: 20, isLost: () => random.chance(0.05) });
    const lost = stream.lost.filter((isLost) => isLost).length;
    expect(report.packets).toMatchObject({ lost, lossFraction: lost / report.packets.sent });
    expect(report.packets.lossFraction).toBeGreaterThan(0.03);
    expect(report.meaning.repair).toBe('nack');
  });

  it('counts what comes out of order or twice', async () => {
    const { report } = await measure({
      delayMs: 20,
      extraMs: (number) => (number % 50 === 0 ? 30 : 0),
      isDoubled: (number) => number % 40 === 0,
    });
    const { sent, lost, reordered, duplicated } = report.packets;
    expect(lost).toBe(0);
    expect(Math.abs(reordered - sent / 50)).toBeLessThanOrEqual(1);
    expect(Math.abs(duplicated - sent / 40)).toBeLessThanOrEqual(1);
    expect(report.meaning.playoutDelayMs).toBe(30);
  });

  it('knows the longest burst', async () => {
    const { report } = await measure({ delayMs: 20, isLost: (_, nowMs) => nowMs > 7000 && nowMs < 7100 });
    expect(report.packets.longestBurst).toBe(report.packets.lost);
    expect(report.packets.longestBurst).toBeGreaterThan(20);
  });

  it('is measured on a path with a long delay too', async () => {
    const { report, clock } = await measure({ delayMs: 600 });
    expect(report.packets).toMatchObject({ lost: 0 });
    expect(report.roundTripMs.p50).toBe(600);
    expect(report.meaning.sentences[1]).toContain('The reason: the delay');
    expect(clock.now()).toBeLessThanOrEqual(DURATION_MS);
  });

  it('is not that of a machine that is held up by other things', async () => {
    const { report } = await measure({ delayMs: 40, bitsPerSecond: 5e6, stallEveryMs: 500 });
    expect(report.roundTripMs.max).toBeLessThan(45);
    expect(report.packets.lost).toBe(0);
    expect(report.bandwidth.bitsPerSecond).toBeGreaterThan(4e6);
    expect(report.bandwidth.bitsPerSecond).toBeLessThan(6e6);
  });

  it('is a loss of everything on a dead path, and the delay is what was waited', async () => {
    const { report, clock } = await measure({ delayMs: 20, isLost: () => true });
    expect(report.packets).toMatchObject({ received: 0, lossFraction: 1 });
    expect(report.packets.sent).toBeGreaterThan(100);
    expect(report.packets.lost).toBe(report.packets.sent);
    expect(report.roundTripMs.p50).toBeGreaterThan(1000);
    expect(report.mos).toBe(1);
    expect(report.jitterMs).toBe(0);
    expect(report.bandwidth.bitsPerSecond).toBe(0);
    expect(report.meaning.video).toBeUndefined();
    expect(clock.now()).toBeLessThanOrEqual(DURATION_MS);
  });

  it('shows where a path dies in the middle', async () => {
    const { report } = await measure({ delayMs: 20, isLost: (_, nowMs) => nowMs > 7000 });
    expect(report.packets.lossFraction).toBeGreaterThan(0.4);
    expect(report.roundTripMs.p99).toBe(20);
    expect(report.packets.longestBurst).toBe(report.packets.lost);
    expect(Math.abs(report.silentAfterMs! - 7000)).toBeLessThan(50);
    expect(report.meaning.repair).toBe('none-needed');
    expect(report.meaning.sentences[0]).toMatch(/^After 7\.0 s nothing came through any more: .* the time before\.$/);
  });

  it('shows that a path died while its bandwidth was looked for', async () => {
    const { report } = await measure({ delayMs: 20, isLost: (_, nowMs) => nowMs > 2000 });
    expect(report.packets).toMatchObject({ received: 0, lossFraction: 1 });
    expect(Math.abs(report.silentAfterMs! - 2020)).toBeLessThan(50);
    expect(report.meaning.sentences).toEqual([expect.stringMatching(/^After 2\.0 s nothing came through any more/)]);
  });

  it('tells an outage from loss', async () => {
    const { report } = await measure({ delayMs: 20, isLost: (_, nowMs) => nowMs > 7000 && nowMs < 8000 });
    expect(report.silentAfterMs).toBeUndefined();
    expect(report.meaning.sentences.join(' ')).toContain('For 1.0 s nothing came through at all');
  });

  it('is at least what the stream carries, where the first packet comes when the time for probes is over', async () => {
    const { report } = await measure({ delayMs: 900, durationMs: 1500 });
    expect(report.packets.received).toBeGreaterThan(10);
    expect(report.bandwidth.limitedBy).toBe('time');
    expect(report.bandwidth.bitsPerSecond).toBeGreaterThan(50_000);
  });
});

describe('a measurement', () => {
  it('does not send faster than asked, over any tenth of a second', async () => {
    const maxBitsPerSecond = 1e6;
    const { report, relay } = await measure({ delayMs: 30, maxBitsPerSecond });
    const bits = new Map<number, number>();
    for (const { atMs, bytes } of relay.sent) {
      const tenth = Math.floor(atMs / 100);
      bits.set(tenth, (bits.get(tenth) ?? 0) + bytes * 8);
    }
    expect(Math.max(...bits.values())).toBeLessThanOrEqual(maxBitsPerSecond / 10 + 1200 * 8);
    expect(report.bandwidth.limitedBy).toBe('asked');
    expect(report.bandwidth.bitsPerSecond).toBeLessThanOrEqual(maxBitsPerSecond);
  });

  it('loads the path fully for some seconds only, however long it takes', async () => {
    const durationMs = 30_000;
    const { report, relay } = await measure({ delayMs: 30, bitsPerSecond: 2e6, durationMs });
    const probes = relay.sent.filter(({ bytes }) => bytes === 1200);
    expect(probes.at(-1)!.atMs).toBeLessThan(5100);
    expect(relay.sent.at(-1)!.atMs).toBeGreaterThan(0.9 * durationMs);
    expect(report.packets.sent).toBeGreaterThan(2000);
  });

  it('ends soon when it is aborted, with what it knows', async () => {
    const { report, clock } = await measure({ delayMs: 30, abortAtMs: 6000 });
    expect(clock.now()).toBeLessThan(6050);
    expect(report.packets.received).toBeGreaterThan(300);
    expect(report.packets.lost).toBe(0);
    expect(report.durationMs).toBeCloseTo(clock.now(), 3);
  });

  it('says that there is nothing to tell when it is aborted at once', async () => {
    const { report, clock } = await measure({ delayMs: 30, abortAtMs: 0 });
    expect(clock.now()).toBeLessThan(50);
    expect(report.packets.received).toBe(0);
    expect(report.meaning.sentences).toEqual(['The measurement was ended before anything was measured.']);
  });

  it('takes no notice of what strangers send to the relayed address', async () => {
    const clock = new VirtualClock();
    const relay = new VirtualRelay(clock, { delayMs: 20 });
    const random = new SeededRandom(1);
    const foreign = new SeededRandom(2);
    const stranger = () => {
      relay.deliver(foreign.bytes(100));
      if (clock.now() < 1900) clock.schedule(10, stranger);
    };
    stranger();
    const options = { clock, random: (bytes: number) => random.bytes(bytes), durationMs: 2000, maxBitsPerSecond: 1e6 };
    const { packets } = await clock.until(measureQuality(relay.near, relay.far, options));
    expect(packets).toMatchObject({ lost: 0, duplicated: 0 });
  });

  it('tells how it goes, and leaves no timer behind', async () => {
    const { progress, clock } = await measure({ delayMs: 30, bitsPerSecond: 3e6 });
    expect(progress.length).toBeGreaterThan(30);
    expect(progress.length).toBeLessThanOrEqual(51);
    expect(progress[0]).toEqual({
      phase: 'bandwidth',
      elapsedMs: 0,
      durationMs: DURATION_MS,
      bitsPerSecond: undefined,
      roundTripMs: undefined,
      lossFraction: undefined,
    });
    const last = progress.at(-1)!;
    expect(last).toMatchObject({ phase: 'stream', lossFraction: 0 });
    expect(last.roundTripMs).toBeLessThan(40);
    expect(last.bitsPerSecond).toBeGreaterThan(2.4e6);
    expect(clock.armed).toBe(0);
  });
});
