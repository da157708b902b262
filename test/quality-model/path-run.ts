import type { BandwidthEstimator } from '../../src/quality/estimator/bandwidth-estimator.ts';
import type { SeededRandom } from '../virtual-network/seeded-random.ts';
import type { Bottleneck } from './bottleneck.ts';
import type { CrossTraffic } from './cross-traffic.ts';

/** What the clock says at the start of a run, in milliseconds. */
export const START_MS = 1000;

/** A simulated path, from the sender to the receiver. */
export interface Path {
  readonly bottleneck: Bottleneck;
  /** One way, without queues. */
  readonly delayMs: number;
  /** Each packet takes up to so much more or less; packets may overtake each other. */
  readonly jitterMs?: number;
  /** The chance that a packet is lost, at a time. */
  readonly loss?: (atMs: number) => number;
  readonly crossTraffic?: readonly CrossTraffic[];
  /** Times in which nothing is handed on: what comes then comes at their end, all at once. */
  readonly stalls?: readonly Stall[];
  /** Whether the sender stands still in these times too, as when one machine is busy that has both it and the relay. */
  readonly senderStalls?: boolean;
}

export interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PathRunOptions {
  readonly random: SeededRandom;
  /** Of relayed payload; 1200 by default. */
  readonly packetBytes?: number;
}

/** What a run has sent. */
export interface PathRun {
  readonly durationMs: number;
  readonly sentBytes: number;
  /** The highest rate that a plan asked for. */
  readonly highestBitsPerSecond: number;
}

/** Lets an estimator measure a simulated path to the end of its plan, in virtual time. */
export function measure(estimator: BandwidthEstimator, path: Path, options: PathRunOptions): PathRun {
  const { random, packetBytes = 1200 } = options;
  const arrivals: { readonly sequence: number; readonly atMs: number }[] = [];
  let nowMs = START_MS;
  let sequence = 0;
  let sentBytes = 0;
  let highestBitsPerSecond = 0;
  let credit = 0;
  let probe: { cluster: number; bitsPerSecond: number; left: number; nextAtMs: number } | undefined;

  const send = (cluster: number | undefined) => {
    estimator.sent({ sequence, sentAtMs: nowMs, bytes: packetBytes, cluster });
    const atMs = travel(path, nowMs, packetBytes, random);
    if (atMs !== undefined) insert(arrivals, { sequence, atMs });
    sequence++;
    sentBytes += packetBytes;
  };

  for (;;) {
    // Timers of a program are never quite on time.
    const stepMs = 1 + random.next();
    while (arrivals.length > 0 && arrivals[0]!.atMs <= nowMs) {
      const { sequence: arrived, atMs } = arrivals.shift()!;
      estimator.received(arrived, atMs);
    }
    for (const flow of path.crossTraffic ?? []) flow.advance(nowMs, path.bottleneck);
    if (probe === undefined) {
      const plan = estimator.plan(nowMs);
      if (plan.kind === 'done') return { durationMs: nowMs - START_MS, sentBytes, highestBitsPerSecond };
      highestBitsPerSecond = Math.max(highestBitsPerSecond, plan.bitsPerSecond);
      if (plan.kind === 'probe') probe = { ...plan, left: plan.packets, nextAtMs: nowMs };
      else {
        credit = Math.min(credit + (plan.bitsPerSecond * stepMs) / 8000, packetBytes + plan.bitsPerSecond / 1600);
        for (; credit >= packetBytes; credit -= packetBytes) send(undefined);
      }
    }
    if (probe !== undefined) {
      while (probe.left > 0 && probe.nextAtMs <= nowMs) {
        send(probe.cluster);
        probe.left--;
        probe.nextAtMs += (packetBytes * 8000) / probe.bitsPerSecond;
      }
      if (probe.left === 0) probe = undefined;
    }
    nowMs = wakesAt(path, nowMs + stepMs);
  }
}

function wakesAt({ stalls = [], senderStalls }: Path, atMs: number): number {
  const stall = senderStalls === true && stalls.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  return stall ? stall.toMs : atMs;
}

function travel(path: Path, nowMs: number, bytes: number, random: SeededRandom): number | undefined {
  const { jitterMs = 0, stalls = [] } = path;
  if (random.chance(path.loss?.(nowMs) ?? 0)) return undefined;
  const leavesAtMs = path.bottleneck.enqueue(nowMs, bytes);
  if (leavesAtMs === undefined) return undefined;
  const atMs = Math.max(leavesAtMs, leavesAtMs + path.delayMs + jitterMs * (2 * random.next() - 1));
  return stalls.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)?.toMs ?? atMs;
}

function insert(arrivals: { readonly sequence: number; readonly atMs: number }[], arrival: (typeof arrivals)[0]): void {
  let at = arrivals.length;
  while (at > 0 && arrivals[at - 1]!.atMs > arrival.atMs) at--;
  arrivals.splice(at, 0, arrival);
}
