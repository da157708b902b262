import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type IceUrl, isSecure, isStunOnly, parseIceUrl } from '../../client/ice-url.ts';
import { type HostPort, parseHostPort } from '../../config/host.ts';
import { parseBitsPerSecond, parseDurationMilliseconds, parsePercentage } from '../../config/quantity.ts';
import type { CommandContext } from '../command-context.ts';
import { wrongUsage } from '../command-failure.ts';
import type { Threshold } from './thresholds.ts';

/** The flags of `taciturn check` that are about how it checks, as they were typed. */
export interface CheckFlags {
  readonly all?: boolean;
  /** `false` with `--no-quality`. */
  readonly quality: boolean;
  readonly duration?: string;
  readonly maxBitrate?: string;
  readonly maxRtt?: string;
  readonly maxLoss?: string;
  readonly minBitrate?: string;
  readonly security?: boolean;
  readonly securityTarget?: readonly string[];
  readonly junit?: string;
  readonly watch?: string;
  readonly metrics?: string;
  readonly json?: boolean;
}

/** How to check, as it is meant. */
export interface CheckPlan {
  readonly all: boolean;
  /** `undefined` when no quality is to be measured. */
  readonly quality: QualityPlan | undefined;
  readonly thresholds: readonly Threshold[];
  /** Addresses to look for beside those of this machine; `undefined` when security is not to be looked at. */
  readonly securityTargets: readonly string[] | undefined;
  readonly junitFile: string | undefined;
  readonly watch: WatchPlan | undefined;
}

export interface QualityPlan {
  readonly durationMs: number;
  readonly maxBitsPerSecond: number;
}

export interface WatchPlan {
  readonly intervalMs: number;
  readonly metrics: HostPort | undefined;
}

const defaultDurationMs = 10_000;
/** Once a minute, ten seconds at full speed would be a load. */
const defaultWatchDurationMs = 3_000;
/** Enough for the best video, which is all that a call can use. */
const defaultMaxBitsPerSecond = 10_000_000;
/** What is found never reaches quite what was tried. */
const headroom = 1.5;
const shortestMs = 1_000;
const longestDurationMs = 600_000;
const leastBitsPerSecond = 100_000;

/**
 * Reads the flags of a check.
 *
 * @throws CommandFailure when they cannot be meant; the message shows what can.
 */
export function checkPlan(flags: CheckFlags, { workingDirectory }: CommandContext): CheckPlan {
  refuseContradictions(flags);
  const thresholds = thresholdsOf(flags);
  return {
    all: flags.all === true,
    quality: flags.quality ? qualityPlan(flags, thresholds) : undefined,
    thresholds,
    securityTargets: flags.security === true ? (flags.securityTarget ?? []) : undefined,
    junitFile: flags.junit === undefined ? undefined : junitFile(flags.junit, workingDirectory),
    watch: watchPlan(flags),
  };
}

/**
 * Reads the URL of a server to check.
 *
 * @throws CommandFailure when it is none, or one that cannot be checked.
 */
export function checkableUrl(text: string): IceUrl {
  const parsed = parseIceUrl(text);
  if (!parsed.ok) throw wrongUsage(`${text} is no STUN or TURN URL: ${parsed.error.reason}.`);
  if (isSecure(parsed.value) && parsed.value.transport === 'udp') {
    throw wrongUsage(
      `${text}: turns: over UDP is DTLS, which this does not speak. Leave ?transport=udp out for TLS over TCP.`,
    );
  }
  return parsed.value;
}

/** @throws CommandFailure when something is asked for that only a relay has. */
export function refuseWithoutRelay(text: string, url: IceUrl, { thresholds, securityTargets }: CheckPlan): void {
  if (!isStunOnly(url)) return;
  const flag = thresholds.length > 0 ? `--${thresholds[0]!.name}` : securityTargets && '--security';
  if (flag) throw wrongUsage(`${flag} is about a relay, and ${text} has none: give a turn: or turns: URL.`);
}

function refuseContradictions(flags: CheckFlags): void {
  const { quality, security, securityTarget, watch, metrics, junit } = flags;
  const measured = measuredFlags.find(([name]) => flags[name] !== undefined);
  if (!quality && measured) throw wrongUsage(`${measured[1]} needs the measurement that --no-quality leaves out.`);
  if (securityTarget !== undefined && !security) throw wrongUsage('--security-target needs --security.');
  if (metrics !== undefined && watch === undefined) {
    throw wrongUsage('--metrics needs --watch: give how often to check, such as --watch 60s.');
  }
  if (watch !== undefined && junit !== undefined) {
    throw wrongUsage('--junit is for one check, and --watch never ends: leave one of them out.');
  }
  if (watch !== undefined && security) {
    throw wrongUsage('--security tries what only an attacker would: do that once, without --watch.');
  }
}

const measuredFlags = [
  ['duration', '--duration'],
  ['maxBitrate', '--max-bitrate'],
  ['maxRtt', '--max-rtt'],
  ['maxLoss', '--max-loss'],
  ['minBitrate', '--min-bitrate'],
] as const;

function thresholdsOf({ maxRtt, maxLoss, minBitrate }: CheckFlags): readonly Threshold[] {
  return [
    ...(maxRtt === undefined ? [] : [{ name: 'max-rtt' as const, limit: roundTripLimit(maxRtt) }]),
    ...(maxLoss === undefined ? [] : [{ name: 'max-loss' as const, limit: lossLimit(maxLoss) }]),
    ...(minBitrate === undefined
      ? []
      : [{ name: 'min-bitrate' as const, limit: bitRate('--min-bitrate', minBitrate) }]),
  ];
}

function qualityPlan(flags: CheckFlags, thresholds: readonly Threshold[]): QualityPlan {
  const wanted = thresholds.find(({ name }) => name === 'min-bitrate')?.limit ?? 0;
  const most = flags.maxBitrate === undefined ? undefined : bitRate('--max-bitrate', flags.maxBitrate);
  if (most !== undefined && most < wanted) {
    throw wrongUsage(
      `--min-bitrate ${flags.minBitrate} cannot be reached when --max-bitrate ${flags.maxBitrate} is the most that is tried: raise --max-bitrate.`,
    );
  }
  const fallback = flags.watch === undefined ? defaultDurationMs : defaultWatchDurationMs;
  return {
    durationMs:
      flags.duration === undefined
        ? fallback
        : duration('--duration', flags.duration, '10s', [shortestMs, longestDurationMs], '1s to 10m'),
    maxBitsPerSecond: most ?? Math.max(defaultMaxBitsPerSecond, wanted * headroom),
  };
}

function watchPlan({ watch, metrics }: CheckFlags): WatchPlan | undefined {
  if (watch === undefined) return undefined;
  const intervalMs = duration('--watch', watch, '60s', [shortestMs, 86_400_000], '1s to 1d');
  return { intervalMs, metrics: metrics === undefined ? undefined : metricsAddress(metrics) };
}

function metricsAddress(text: string): HostPort {
  const address = parseHostPort(text, 0);
  if (address) return address;
  throw wrongUsage(`--metrics takes HOST:PORT, such as 127.0.0.1:9478 or [::1]:9478, not ${text}.`);
}

function junitFile(file: string, workingDirectory: string): string {
  const path = resolve(workingDirectory, file);
  if (existsSync(dirname(path))) return path;
  throw wrongUsage(`--junit ${file}: the directory ${dirname(path)} does not exist. Make it first, or choose another.`);
}

function roundTripLimit(text: string): number {
  // A number alone would be seconds, where people mean milliseconds.
  const limit = /\d$/.test(text.trim()) ? undefined : parseDurationMilliseconds(text);
  if (limit !== undefined && limit > 0) return limit;
  throw wrongUsage(
    `--max-rtt takes a whole number of milliseconds or seconds with its unit, such as 100ms, not ${text}.`,
  );
}

function lossLimit(text: string): number {
  const limit = parsePercentage(text);
  if (limit !== undefined) return limit;
  throw wrongUsage(`--max-loss takes a percentage, such as 1% or 0.5%, not ${text}.`);
}

function bitRate(flag: string, text: string): number {
  const bitsPerSecond = parseBitsPerSecond(text);
  if (bitsPerSecond !== undefined && bitsPerSecond >= leastBitsPerSecond) return bitsPerSecond;
  throw wrongUsage(`${flag} takes a bit rate of 100kbps or more, such as 2Mbps, 500kbps or 2Mbit/s, not ${text}.`);
}

function duration(
  flag: string,
  text: string,
  example: string,
  [least, most]: readonly [number, number],
  range: string,
): number {
  const milliseconds = parseDurationMilliseconds(text);
  if (milliseconds !== undefined && milliseconds >= least && milliseconds <= most) return milliseconds;
  throw wrongUsage(`${flag} takes a time from ${range}, such as ${example}, not ${text}.`);
}
