import { exposition, type MetricFamily, type Sample } from './exposition.ts';
import { type CheckReport, reachesTheEnd, type TransportCheck } from './report.ts';

/** A round of `--watch`. */
export interface Round {
  /** Unix seconds. */
  readonly endedAt: number;
  readonly passed: boolean;
  /** Empty when it was not even known what to check. */
  readonly reports: readonly CheckReport[];
}

type Result = 'passed' | 'failed';

/** What Prometheus is told of the rounds: the last one, and how many there were. No label holds a user or a secret. */
export class ProbeMetrics {
  #last: Round | undefined;
  readonly #runs: Record<Result, number> = { passed: 0, failed: 0 };

  record(round: Round): void {
    this.#last = round;
    this.#runs[round.passed ? 'passed' : 'failed']++;
  }

  /** In the text format of Prometheus. */
  render(): string {
    const runs = (['passed', 'failed'] as const).map((result) => ({ labels: { result }, value: this.#runs[result] }));
    const counted: MetricFamily = {
      name: 'taciturn_check_runs_total',
      help: 'Checks since the start, by result.',
      type: 'counter',
      samples: runs,
    };
    return exposition(this.#last ? [...familiesOf(this.#last), counted] : [counted]);
  }
}

function familiesOf({ endedAt, reports: all }: Round): readonly MetricFamily[] {
  const reports = distinct(all);
  const ways = reports.flatMap((report) => [report, ...offered(report)]);
  const gauge = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
    name: `taciturn_check_${name}`,
    help,
    type: 'gauge',
    samples,
  });
  const success = reports.flatMap((report) => [
    sample(report, {}, Number(report.passed)),
    ...offered(report).map((way) => sample(way, {}, Number(reachesTheEnd(way)))),
  ]);
  return [
    gauge('success', 'Whether the last check passed, with all its thresholds.', success),
    gauge(
      'step_success',
      'Whether a step of the last check passed; a step that was not reached is not there.',
      ways.flatMap((way) => way.rungs.map(({ name, passed }) => sample(way, { step: name }, Number(passed)))),
    ),
    gauge(
      'step_seconds',
      'How long a step of the last check took.',
      ways.flatMap((way) => way.rungs.map(({ name, elapsedMs }) => sample(way, { step: name }, elapsedMs / 1000))),
    ),
    {
      name: 'taciturn_check_rtt_seconds',
      help: 'Round trip to the relay and back in the last check.',
      type: 'summary',
      samples: ways.flatMap(roundTrips),
    },
    gauge(
      'loss_ratio',
      'Packets that were lost in the last check, 0 to 1.',
      qualities(ways, (q) => q.packets.lossFraction),
    ),
    gauge(
      'jitter_seconds',
      'Interarrival jitter (RFC 3550) in the last check.',
      qualities(ways, (q) => q.jitterMs / 1000),
    ),
    gauge(
      // Bytes, as Prometheus has it everywhere.
      'bandwidth_bytes_per_second',
      'Bandwidth that the last check found, not above what it was told to try.',
      qualities(ways, (q) => q.bandwidth.bitsPerSecond / 8),
    ),
    gauge(
      'mos',
      'Mean opinion score by the E-model, 1 to 4.5, an estimate.',
      qualities(ways, (q) => q.mos),
    ),
    gauge(
      'certificate_expiry_timestamp_seconds',
      'When the certificate of the server ends.',
      ways.flatMap((way) => moment(way, way.certificateExpiresAt)),
    ),
    gauge(
      'credential_expiry_timestamp_seconds',
      'When the credential of the check ends, as its user name says.',
      ways.flatMap((way) => moment(way, way.credentialExpiresAt)),
    ),
    gauge('last_run_timestamp_seconds', 'When the last check ended.', [{ labels: {}, value: endedAt }]),
  ];
}

/** Two series of one name and the same labels would spoil all: a document may name a URL twice, for two users. */
function distinct(reports: readonly CheckReport[]): readonly CheckReport[] {
  const counts = new Map<string, number>();
  return reports.map((report) => {
    const count = (counts.get(report.url) ?? 0) + 1;
    counts.set(report.url, count);
    return count === 1 ? report : { ...report, url: `${report.url} (${count})` };
  });
}

/** The other ways that are there; of one that is not, there is nothing to watch. */
function offered({ alternatives = [] }: CheckReport): readonly TransportCheck[] {
  return alternatives.filter(({ notOffered }) => notOffered === undefined);
}

function sample({ url }: TransportCheck, labels: Readonly<Record<string, string>>, value: number): Sample {
  return { labels: { url, ...labels }, value };
}

function roundTrips(way: TransportCheck): readonly Sample[] {
  const { quality } = way;
  if (!quality || quality.packets.received === 0) return [];
  const { p50, p95, p99 } = quality.roundTripMs;
  return [
    sample(way, { quantile: '0.5' }, p50 / 1000),
    sample(way, { quantile: '0.95' }, p95 / 1000),
    sample(way, { quantile: '0.99' }, p99 / 1000),
  ];
}

function qualities(
  ways: readonly TransportCheck[],
  figure: (quality: NonNullable<TransportCheck['quality']>) => number,
): readonly Sample[] {
  return ways.flatMap((way) => (way.quality ? [sample(way, {}, figure(way.quality))] : []));
}

function moment(way: TransportCheck, isoTime: string | undefined): readonly Sample[] {
  return isoTime === undefined ? [] : [sample(way, {}, Date.parse(isoTime) / 1000)];
}
