import { formatIceUrl, type IceUrl } from '../../client/ice-url.ts';
import type { TurnAllocation } from '../../client/turn-allocation.ts';
import { isoTime, type LadderCredentials } from '../../ladder/credentials.ts';
import { Ladder, type LadderDependencies } from '../../ladder/ladder.ts';
import type { LadderReport, Rung } from '../../ladder/rung.ts';
import type { QualityReport } from '../../quality/report.ts';
import type { SecurityReport } from '../../security/report.ts';
import { IpAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { type BestWay, bestWay } from './best-way.ts';
import { expiryOf } from './expiry.ts';
import { MeasuringTurns } from './measuring-turns.ts';
import { type CheckReport, reachesTheEnd, type TransportCheck } from './report.ts';
import { judgeThresholds, type Threshold } from './thresholds.ts';
import { otherWays, whyNotOffered } from './ways.ts';

/** A server, as one URL names it, and what to authenticate with. */
export interface CheckTarget {
  /** As it was given. */
  readonly text: string;
  readonly url: IceUrl;
  readonly credentials: LadderCredentials | undefined;
  /** Makes another one that is good for so long, where a shared secret was given. */
  readonly issueCredentials?: (ttlSeconds: number) => LadderCredentials;
}

export interface CheckWishes {
  /** Try the other ways that the server may offer too. */
  readonly all: boolean;
  readonly thresholds: readonly Threshold[];
}

export interface CheckDependencies {
  readonly ladder: Omit<LadderDependencies, 'onRung' | 'whileOpen' | 'issueCredentials' | 'looksElsewhere'>;
  /** Measures the way between two allocations; `undefined` when no quality is asked for. */
  readonly measure?: (near: TurnAllocation, far: TurnAllocation) => Promise<QualityReport>;
  /** Looks whether the server is open or unsafe, at the address that has answered; `undefined` when that is not asked for. */
  readonly examine?: (target: CheckTarget, server: TransportAddress) => Promise<SecurityReport>;
}

/** Told of what a check finds as it goes. */
export interface CheckObserver {
  /** A step of the way that was asked for. */
  onRung?(rung: Rung): void;
  /** Work begins that takes a while. */
  onWork?(what: string): void;
}

/** Failures that say nothing of a way, when other ways were in use at the same time. */
const crowded: ReadonlySet<string> = new Set(['quota_reached', 'insufficient_capacity']);

/** Uses a server step by step, measures it where that was asked for, and judges what was found. */
export async function runCheck(
  target: CheckTarget,
  { all, thresholds }: CheckWishes,
  dependencies: CheckDependencies,
  observer: CheckObserver = {},
): Promise<CheckReport> {
  const startedAt = isoTime(dependencies.ladder.unixNow());
  const others = all ? otherWays(target.url) : [];
  const { first, alternatives } = await climbAll(target, others, dependencies, observer);
  const best = all ? bestWay([first, ...alternatives]) : undefined;
  const security = await examineIfReached(target, first, dependencies, observer);
  const judged = judgeThresholds(thresholds, first.quality);
  const report = {
    ...first,
    startedAt,
    ...(all && { alternatives }),
    ...(best && named(best)),
    ...(security && { security }),
    ...(judged.length > 0 && { thresholds: judged }),
  };
  return { ...report, passed: isWell(report) };
}

function isWell(report: CheckReport): boolean {
  const { alternatives = [], security, thresholds = [] } = report;
  return (
    reachesTheEnd(report) &&
    alternatives.every((way) => way.notOffered !== undefined || reachesTheEnd(way)) &&
    thresholds.every(({ kept }) => kept) &&
    security?.safe !== false
  );
}

function named({ url, because }: BestWay): Pick<CheckReport, 'best' | 'bestBecause'> {
  return { best: url, bestBecause: because };
}

interface Climbed {
  readonly first: TransportCheck;
  readonly alternatives: readonly TransportCheck[];
}

/**
 * The way that was asked for climbs by itself up to its measurement, so that no other can be the reason when it fails; then the others
 * climb side by side, and all that get there measure one after the other.
 */
async function climbAll(
  target: CheckTarget,
  others: readonly IceUrl[],
  dependencies: CheckDependencies,
  observer: CheckObserver,
): Promise<Climbed> {
  const turns = new MeasuringTurns(1 + others.length);
  let firstIsReady = () => {};
  const ready = new Promise<void>((resolve) => {
    firstIsReady = resolve;
  });
  const first = climb(target, dependencies, {
    turn: (measure) => {
      firstIsReady();
      return turns.take(0, measure);
    },
    pass: () => {
      firstIsReady();
      turns.pass();
    },
    onRung: (rung) => observer.onRung?.(rung),
    looksElsewhere: others.length === 0,
  });
  await ready;
  if (others.length > 0) observer.onWork?.(`${others.length} other ways`);
  const targets = others.map((url) => ({ ...target, url, text: formatIceUrl(url) }));
  const sideBySide = await Promise.all([
    first,
    ...targets.map((way, i) =>
      climb(way, dependencies, { turn: (measure) => turns.take(1 + i, measure), pass: () => turns.pass() }),
    ),
  ]);
  // Where the name itself is not found, there is no server to offer anything.
  if (sideBySide[0].rungs.length === 1 && !sideBySide[0].passed) return { first: sideBySide[0], alternatives: [] };
  const alternatives: TransportCheck[] = [];
  for (const [i, check] of sideBySide.slice(1).entries()) {
    const way = targets[i]!;
    const alone = wasCrowdedOut(check) ? await climb(way, dependencies, byItself) : check;
    const notOffered = whyNotOffered(way.url, alone);
    alternatives.push({ ...alone, ...(notOffered !== undefined && { notOffered }) });
  }
  return { first: sideBySide[0], alternatives };
}

/** How one ladder goes with the others. */
interface Company {
  /** Measures when it is this one's turn. */
  readonly turn: (measure: () => Promise<void>) => Promise<void>;
  /** Called in place of `turn` when there was nothing to measure. */
  readonly pass: () => void;
  readonly onRung?: (rung: Rung) => void;
  /** Whether to look where else a server is, when there is none: with `--all` that is done anyway. */
  readonly looksElsewhere?: boolean;
}

const byItself: Company = { turn: (measure) => measure(), pass: () => {} };

async function climb(
  { text, url, credentials, issueCredentials }: CheckTarget,
  { ladder, measure }: CheckDependencies,
  { turn, pass, onRung, looksElsewhere = false }: Company,
): Promise<TransportCheck> {
  let quality: QualityReport | undefined;
  let measured = false;
  const whileOpen = async (near: TurnAllocation, far: TurnAllocation): Promise<void> => {
    measured = true;
    await turn(async () => {
      quality = await measure!(near, far);
    });
  };
  const observed: LadderDependencies = {
    ...ladder,
    looksElsewhere,
    ...(issueCredentials && { issueCredentials }),
    ...(onRung && { onRung }),
    ...(measure && { whileOpen }),
  };
  let climbed: LadderReport;
  try {
    climbed = await new Ladder(url, credentials, observed).climb();
  } finally {
    // The others wait for this one.
    if (!measured) pass();
  }
  return { url: text, ...climbed, ...expiryOf(credentials, climbed.rungs), ...(quality && { quality }) };
}

function wasCrowdedOut({ rungs }: LadderReport): boolean {
  const code = rungs.at(-1)?.problem?.code;
  return code !== undefined && crowded.has(code);
}

/** Of a server that answers nothing, nothing is to be told. */
async function examineIfReached(
  target: CheckTarget,
  { rungs }: LadderReport,
  { examine }: CheckDependencies,
  observer: CheckObserver,
): Promise<SecurityReport | undefined> {
  const server = reachedServer(rungs);
  if (!examine || !server) return undefined;
  observer.onWork?.('security');
  return examine(target, server);
}

/** Where the server was that answered; `undefined` when none did. */
function reachedServer(rungs: readonly Rung[]): TransportAddress | undefined {
  const text = rungs.find(({ name, passed }) => name === 'binding' && passed)?.facts.server;
  const match = typeof text === 'string' ? /^\[?([^\]]+)\]?:(\d+)$/.exec(text) : null;
  const ip = match ? IpAddress.parse(match[1]!) : undefined;
  return ip && { ip, port: Number(match![2]) };
}
