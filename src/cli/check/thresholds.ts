import { inBits, inMilliseconds, inPercent } from '../../quality/quantities.ts';
import type { QualityReport } from '../../quality/report.ts';
import type { ThresholdName, ThresholdResult } from './report.ts';

/** A limit of `--max-rtt` (milliseconds), `--max-loss` (a fraction) or `--min-bitrate` (bits a second). */
export interface Threshold {
  readonly name: ThresholdName;
  readonly limit: number;
}

/** Holds a measurement against limits. What was not measured keeps none. */
export function judgeThresholds(
  thresholds: readonly Threshold[],
  quality: QualityReport | undefined,
): readonly ThresholdResult[] {
  return thresholds.map(({ name, limit }) => {
    const measured = quality && figures[name](quality);
    const kept = measured !== undefined && (name === 'min-bitrate' ? measured >= limit : measured <= limit);
    return { name, limit, measured, kept: kept || (name === 'min-bitrate' && isAllThatWasTried(quality, limit)) };
  });
}

/** A sender never reaches quite the rate that it may have. */
const PART_OF_ASKED = 0.9;

/** Whether no more was tried than the limit, as with an equal `--max-bitrate`, and that came through. */
function isAllThatWasTried(quality: QualityReport | undefined, limit: number): boolean {
  if (quality === undefined || quality.packets.received === 0) return false;
  const { limitedBy, bitsPerSecond } = quality.bandwidth;
  return limitedBy === 'asked' && bitsPerSecond >= PART_OF_ASKED * limit;
}

const figures: Readonly<Record<ThresholdName, (quality: QualityReport) => number | undefined>> = {
  // Where nothing came back, there is no round trip to speak of.
  'max-rtt': ({ packets, roundTripMs }) => (packets.received > 0 ? roundTripMs.p50 : undefined),
  'max-loss': ({ packets }) => (packets.sent > 0 ? packets.lossFraction : undefined),
  'min-bitrate': ({ packets, bandwidth }) => (packets.received > 0 ? bandwidth.bitsPerSecond : undefined),
};

/** `RTT 41 ms, at most 100 ms` */
export function describeThreshold({ name, limit, measured }: ThresholdResult): string {
  const { title, bound, format } = words[name];
  return `${title} ${measured === undefined ? 'not measured' : format(measured)}, ${bound} ${format(limit)}`;
}

const words: Readonly<
  Record<ThresholdName, { readonly title: string; readonly bound: string; readonly format: (figure: number) => string }>
> = {
  'max-rtt': { title: 'RTT', bound: 'at most', format: inMilliseconds },
  'max-loss': { title: 'loss', bound: 'at most', format: inPercent },
  'min-bitrate': { title: 'bandwidth', bound: 'at least', format: inBits },
};
