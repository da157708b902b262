import { parseIceUrl } from '../../client/ice-url.ts';
import type { Rung } from '../../ladder/rung.ts';
import type { QualityReport } from '../../quality/report.ts';
import { reachesTheEnd, type TransportCheck } from './report.ts';

export interface BestWay {
  readonly url: string;
  /** What decided it, as the end of a sentence: `it has the shortest round trip`. */
  readonly because: string;
}

/**
 * What calls make good with retransmissions and FEC: ways that differ by less are about equal. TCP loses nothing, but makes what is
 * behind a lost packet wait, which shows in the round trips.
 */
const lossThatCounts = 0.05;
/** Fractions of a round trip and of a bandwidth that people do not notice. */
const roundTripShare = 0.1;
const leastRoundTripMs = 5;
const bandwidthShare = 0.8;

/**
 * Chooses the best of the ways that work: by loss, then by the median round trip (its tail tells more of a busy machine than of a
 * path), then by bandwidth. Among those about equal it is UDP, then TCP, then TLS.
 *
 * @returns `undefined` when none works.
 */
export function bestWay(checks: readonly TransportCheck[]): BestWay | undefined {
  const working = checks.filter(reachesTheEnd);
  if (working.length === 0) return undefined;
  if (working.length === 1) return { url: working[0]!.url, because: 'it is the only one that works' };
  let left = working;
  let because = '';
  for (const { figure, least, near, why } of criteria) {
    const figures = left.flatMap((check) => figure(check) ?? []);
    if (figures.length === 0) continue;
    const best = least ? Math.min(...figures) : Math.max(...figures);
    // What is not known speaks neither for a way nor against it.
    const kept = left.filter((check) => near(figure(check) ?? best, best));
    if (kept.length < left.length) because = why;
    left = kept;
  }
  const [first] = left.toSorted((a, b) => preference(a) - preference(b));
  const equals = left.filter((check) => preference(check) > preference(first!));
  if (equals.length > 0) because = `it is about as good as ${transportName(equals[0]!)}, and ${plainReason(first!)}`;
  return { url: first!.url, because: because === '' ? 'all are about equal' : because };
}

interface Criterion {
  readonly figure: (check: TransportCheck) => number | undefined;
  readonly least: boolean;
  readonly near: (figure: number, best: number) => boolean;
  readonly why: string;
}

const criteria: readonly Criterion[] = [
  {
    figure: ({ quality }) => quality?.packets.lossFraction,
    least: true,
    near: (figure, best) => figure - best < lossThatCounts,
    why: 'it loses the fewest packets',
  },
  {
    figure: (check) => (check.quality ? answered(check.quality)?.p50 : echoMs(check.rungs)),
    least: true,
    near: (figure, best) => figure - best <= Math.max(leastRoundTripMs, best * roundTripShare),
    why: 'it has the shortest round trip',
  },
  {
    figure: ({ quality }) => quality && foundBandwidth(quality),
    least: false,
    near: (figure, best) => figure >= best * bandwidthShare,
    why: 'it carries the most',
  },
];

function answered(quality: QualityReport): QualityReport['roundTripMs'] | undefined {
  return quality.packets.received > 0 ? quality.roundTripMs : undefined;
}

/** Where the time was over before the limit was found, there is more than was found. */
function foundBandwidth({ bandwidth }: QualityReport): number | undefined {
  return bandwidth.limitedBy === 'time' ? undefined : bandwidth.bitsPerSecond;
}

/** Without a measurement, what the few packets of the echo took. */
function echoMs(rungs: readonly Rung[]): number | undefined {
  const medianMs = rungs.find(({ name }) => name === 'echo')?.facts.medianMs;
  return typeof medianMs === 'number' ? medianMs : undefined;
}

function preference(check: TransportCheck): number {
  return ['UDP', 'TCP', 'TLS'].indexOf(transportName(check));
}

function transportName({ url }: TransportCheck): 'UDP' | 'TCP' | 'TLS' {
  const parsed = parseIceUrl(url);
  if (!parsed.ok || parsed.value.transport === 'udp') return 'UDP';
  return parsed.value.scheme.endsWith('s') ? 'TLS' : 'TCP';
}

function plainReason(check: TransportCheck): string {
  return transportName(check) === 'UDP'
    ? 'over UDP a lost packet does not hold up those behind it'
    : 'it does without encrypting once more';
}
