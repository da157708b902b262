import type { Clock } from '../client/clock.ts';
import { BandwidthPhase } from './bandwidth-phase.ts';
import { BandwidthEstimator } from './estimator/bandwidth-estimator.ts';
import { meaningOf } from './meaning.ts';
import { meanOpinionScore } from './mos.ts';
import { type Outages, outagesOf } from './outage.ts';
import { delayOfCall } from './playout-delay.ts';
import { LARGEST_PACKET } from './probe-packet.ts';
import { ProbePath, type RelayEnd } from './probe-path.ts';
import type { Bandwidth, PacketCounts, QualityReport } from './report.ts';
import { StreamPhase } from './stream-phase.ts';
import { streamShape } from './stream-shape.ts';
import { toMicroseconds } from './to-microseconds.ts';

export interface QualityOptions {
  readonly clock: Clock;
  /** Random bytes, as many as asked for. */
  readonly random: (bytes: number) => Uint8Array;
  /** How long to load the path, in milliseconds: of use from about 3,000. */
  readonly durationMs: number;
  /** Nothing is sent faster, in bits a second of relayed payload. */
  readonly maxBitsPerSecond: number;
  /** Ends the measurement at once; the report then tells what was measured until then. */
  readonly signal?: AbortSignal;
  /** Told five times a second how it goes. */
  readonly onProgress?: (progress: QualityProgress) => void;
}

/** How a measurement goes. What is not known yet is `undefined`. */
export interface QualityProgress {
  readonly phase: 'bandwidth' | 'stream';
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly bitsPerSecond: number | undefined;
  /** The median. */
  readonly roundTripMs: number | undefined;
  /** 0 to 1; packets that may still be on their way do not count. */
  readonly lossFraction: number | undefined;
}

/** How long the bandwidth is looked for, and how long the queues may then take to empty: shares of the time, and milliseconds. */
const PROBING = { share: 0.4, mostMs: 5000 };
const DRAINING = { share: 0.15, mostMs: 3000 };
const PROGRESS_INTERVAL_MS = 200;
/** A rate that a path has carried for so long is no burst. */
const SUSTAINED_MS = 2000;
/** The bandwidth of a path on which no probe arrives. */
const nothing: Bandwidth = { bitsPerSecond: 0, limitedBy: 'loss' };

/**
 * Measures what a relay is like for a call, with packets from one allocation to the other: to the relay and back, once each way. Both
 * need a permission for each other, and `near` best has a channel to `far`. Their data handlers are replaced.
 *
 * The bandwidth comes first, because the stream by which delay and loss are measured has to stay well below it: else it would
 * measure a queue of its own making. The stream starts when the last probe has arrived, and so with empty queues.
 *
 * It does not fail: on a dead path all packets are lost, and the report says so.
 *
 * @param near sends the packets.
 * @param far receives them, on the same machine, so that both times are of one clock.
 */
export async function measureQuality(near: RelayEnd, far: RelayEnd, options: QualityOptions): Promise<QualityReport> {
  const { clock, random, durationMs, maxBitsPerSecond, signal } = options;
  const startedAtMs = clock.now();
  const isAborted = () => signal?.aborted === true;
  const tell = progressTeller(options, startedAtMs);
  const path = new ProbePath(near, far, clock, random);

  const probingMs = partOf(durationMs, PROBING);
  const estimator = new BandwidthEstimator({ maxBitsPerSecond, durationMs: probingMs, packetBytes: LARGEST_PACKET });
  const probing = new BandwidthPhase(path, estimator, {
    endAtMs: startedAtMs + probingMs + partOf(durationMs, DRAINING),
    isAborted,
    onTick: (nowMs) =>
      tell(nowMs, () => ({
        phase: 'bandwidth',
        bitsPerSecond: probing.longestMs === undefined ? undefined : estimator.estimate.bitsPerSecond,
        roundTripMs: undefined,
        lossFraction: undefined,
      })),
  });
  await probing.run();
  const found = probing.longestMs === undefined ? nothing : inWholeBits(estimator.estimate);

  const streaming = new StreamPhase(path, {
    endAtMs: startedAtMs + durationMs,
    longestMs: probing.longestMs,
    isAborted,
    onTick: (nowMs) =>
      tell(nowMs, () => ({
        phase: 'stream',
        bitsPerSecond: found.bitsPerSecond,
        roundTripMs: streaming.roundTripMs,
        lossFraction: streaming.lossFraction,
      })),
  });
  const shape = streamShape(found.bitsPerSecond, maxBitsPerSecond, streaming.sendingMs);
  const { packets, roundTripMs, jitterMs, silences } = await streaming.run(shape);
  path.close();

  const outages = outagesOf(silences, startedAtMs);
  const lastProbeAfterMs = probing.lastArrivedMs === undefined ? undefined : probing.lastArrivedMs - startedAtMs;
  const silentAfterMs = endOfTheRelay(packets, outages, lastProbeAfterMs);
  const bandwidth =
    packets.received > 0 && found === nothing
      ? carried(shape.bitsPerSecond, packets.lossFraction)
      : atLeast(found, (packets.received * shape.packetBytes * 8000) / streaming.sendingMs, streaming.sendingMs);
  return {
    durationMs: toMicroseconds(clock.now() - startedAtMs),
    packets,
    ...(silentAfterMs !== undefined && { silentAfterMs: toMicroseconds(silentAfterMs) }),
    roundTripMs,
    jitterMs,
    bandwidth,
    mos: Number(meanOpinionScore(delayOfCall(roundTripMs), packets.lossFraction).toFixed(2)),
    meaning: meaningOf(
      { packets, roundTripMs, bandwidth, ...(silentAfterMs !== undefined && { silentAfterMs }) },
      outages,
    ),
  };
}

/** When the relay fell silent for good, if it did and was ever heard. */
function endOfTheRelay(
  { sent, received }: PacketCounts,
  { final }: Outages,
  lastProbeAfterMs: number | undefined,
): number | undefined {
  if (received > 0) return final?.afterMs;
  return sent > 0 ? lastProbeAfterMs : undefined;
}

/** Where the first packet arrives when the time for probes is over already, more than the stream is not known to fit. */
function carried(bitsPerSecond: number, lossFraction: number): Bandwidth {
  return { bitsPerSecond: Math.round(bitsPerSecond * (1 - lossFraction)), limitedBy: 'time' };
}

/** What the stream carried for long enough fits, whatever was found before it. */
function atLeast(found: Bandwidth, carriedBitsPerSecond: number, forMs: number): Bandwidth {
  if (found === nothing || forMs < SUSTAINED_MS || carriedBitsPerSecond <= found.bitsPerSecond) return found;
  return { bitsPerSecond: Math.round(carriedBitsPerSecond), limitedBy: found.limitedBy };
}

function partOf(durationMs: number, { share, mostMs }: { readonly share: number; readonly mostMs: number }): number {
  return Math.min(share * durationMs, mostMs);
}

function inWholeBits({ bitsPerSecond, limitedBy }: Bandwidth): Bandwidth {
  return { bitsPerSecond: Math.round(bitsPerSecond), limitedBy };
}

type Known = Omit<QualityProgress, 'elapsedMs' | 'durationMs'>;

/** Tells how it goes, but not more often than anybody can read. */
function progressTeller(
  { durationMs, onProgress }: QualityOptions,
  startedAtMs: number,
): (nowMs: number, known: () => Known) => void {
  let nextAtMs = startedAtMs;
  return (nowMs, known) => {
    if (!onProgress || nowMs < nextAtMs) return;
    nextAtMs = nowMs + PROGRESS_INTERVAL_MS;
    onProgress({ ...known(), elapsedMs: nowMs - startedAtMs, durationMs });
  };
}
