import { describe, expect, it } from 'vitest';
import { ArrivalLog } from '../../src/quality/estimator/arrival-log.ts';
import { CongestionWatch } from '../../src/quality/estimator/congestion-watch.ts';
import { goodput } from '../../src/quality/estimator/goodput.ts';
import { LossRule } from '../../src/quality/estimator/loss-rule.ts';
import { OveruseDetector } from '../../src/quality/estimator/overuse-detector.ts';
import { PacketGroups } from '../../src/quality/estimator/packet-groups.ts';
import { Trendline } from '../../src/quality/estimator/trendline.ts';
import { readTrace, type TracedPacket } from './trace.ts';

const PACKET_BYTES = 1200;
/** Of 1 Mbit/s on the wire this much is payload: `tbf` counts the headers of Ethernet, IPv4 and UDP. */
const PAYLOAD = PACKET_BYTES / (PACKET_BYTES + 14 + 20 + 8);

interface Replay {
  /** When the detector said so. */
  readonly overuses: readonly number[];
  readonly underuses: readonly number[];
  /** When the path was full, from the beginning of the queue to its end, and bits a second that came in that time. */
  readonly busy: readonly { readonly fromMs: number; readonly toMs: number; readonly bitsPerSecond: number }[];
}

type Arrived = TracedPacket & { readonly receivedAtMs: number };

function replay(name: string): Replay {
  const arrived = readTrace(name).filter((packet): packet is Arrived => packet.receivedAtMs !== undefined);
  const groups = new PacketGroups();
  const trendline = new Trendline();
  const detector = new OveruseDetector();
  const watch = new CongestionWatch();
  const log = new ArrivalLog();
  const overuses: number[] = [];
  const underuses: number[] = [];
  const busy: Replay['busy'][number][] = [];
  let fromMs: number | undefined;
  for (const { sentAtMs, receivedAtMs } of arrived.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs)) {
    log.add(receivedAtMs, PACKET_BYTES);
    watch.received(sentAtMs, receivedAtMs);
    if (fromMs !== undefined && watch.isEmpty) {
      busy.push({ fromMs, toMs: receivedAtMs, bitsPerSecond: goodput(log, fromMs, receivedAtMs) });
      fromMs = undefined;
    }
    fromMs ??= watch.congestedSinceMs;
    const delta = groups.add(sentAtMs, receivedAtMs);
    const trend = delta && trendline.add(delta);
    if (trend === undefined) continue;
    const usage = detector.detect(trend, delta!.sendDeltaMs, delta!.atMs);
    if (usage === 'overusing') overuses.push(receivedAtMs);
    if (usage === 'underusing') underuses.push(receivedAtMs);
  }
  return { overuses, underuses, busy };
}

function expectBusy(found: Replay, fromMs: number, toMs: number, bitsPerSecond: number): void {
  expect(found.busy).toHaveLength(1);
  const period = found.busy[0]!;
  expect(Math.abs(period.fromMs - fromMs)).toBeLessThan(150);
  expect(Math.abs(period.toMs - toMs)).toBeLessThan(200);
  expect(Math.abs(period.bitsPerSecond / bitsPerSecond - 1)).toBeLessThan(0.05);
}

function between(times: readonly number[], fromMs: number, toMs: number): readonly number[] {
  return times.filter((atMs) => atMs >= fromMs && atMs < toMs);
}

describe('traces of the kernel', () => {
  it('5 Mbit/s: 6 Mbit/s fill the queue, 3 Mbit/s empty it, and what came in between is the rate', () => {
    const found = replay('tbf-5mbit');
    expect(between(found.overuses, 0, 1000)).toEqual([]);
    expect(between(found.overuses, 1000, 1300)).not.toEqual([]);
    expect(between(found.underuses, 2200, 2700)).not.toEqual([]);
    expectBusy(found, 1000, 2530, 5e6 * PAYLOAD);
  });

  it('a step down from 8 to 3 Mbit/s under 4 Mbit/s is seen at once, and the new rate found', () => {
    const found = replay('step-down');
    expect(between(found.overuses, 0, 1500)).toEqual([]);
    expect(between(found.overuses, 1500, 1700)).not.toEqual([]);
    expectBusy(found, 1500, 2260, 3e6 * PAYLOAD);
  });

  it('a flow of 2 Mbit/s that begins beside 4 of 5 Mbit/s leaves the rest', () => {
    const found = replay('competing-flow');
    expect(between(found.overuses, 0, 1000)).toEqual([]);
    expect(between(found.overuses, 1000, 1400)).not.toEqual([]);
    expectBusy(found, 1000, 2600, 5e6 * PAYLOAD - 2e6);
  });

  it('2 % of packets dropped are neither a queue nor a lack of room', () => {
    expect(replay('two-percent-drop')).toMatchObject({ overuses: [], busy: [] });
    const packets = readTrace('two-percent-drop');
    const rule = new LossRule();
    let congested = 0;
    for (const { sentAtMs, receivedAtMs } of packets) {
      rule.judge(sentAtMs, receivedAtMs === undefined, true);
      if (rule.isCongested) congested++;
    }
    expect(congested).toBe(0);
    expect(packets.filter(({ receivedAtMs }) => receivedAtMs === undefined).length / packets.length).toBeCloseTo(
      0.02,
      2,
    );
  });
});
