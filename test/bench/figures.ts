/** What is measured of the relay: one entry for each figure. */
import { availableParallelism } from 'node:os';
import type { BenchReport } from '../../src/bench/run-bench.ts';
import { bare, type Contestant, coturn, npmRelay, taciturn } from './contestants.ts';
import type { Goal } from './results.ts';

/** What the tables show of a figure. */
export interface FigureTable {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** What is measured: the rows of its table. */
  readonly contestants: readonly { readonly name: string }[];
  /** What the rows are; servers when left out. */
  readonly rowsAre?: string;
  /** The metrics and what they are called, with their units. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly goals: readonly Goal[];
}

/** A figure of the relay, which `taciturn bench` measures. */
export interface Figure extends FigureTable {
  readonly contestants: readonly Contestant[];
  /** What `taciturn bench` is told, beside the URL and the credentials; RATE stands for half of what `halfMaximumOf` can do. */
  readonly command: string;
  readonly halfMaximumOf?: Contestant;
  /** Over TLS. */
  readonly isSecure?: boolean;
  /** Reads the metrics out of a report. */
  read(report: BenchReport): Readonly<Record<string, number>>;
}

const batch = taciturn('batch');
const batch2 = taciturn('batch', 2);
const dgram = taciturn('dgram');
const debian = coturn();
const debian2 = coturn(2);
const bareC = bare();
const turnServer = npmRelay('turn-server');
const nodeTurn = npmRelay('node-turn');

const enoughCores = availableParallelism() >= 4;

const cpu = { cpu: 'processor time per relayed packet, µs', loss: 'lost, %' };
const maximum = { maximum: 'packets a second', generatorLimited: 'the load generator was the limit (1: yes)' };

/** What an allocation may cost, in kB. */
const MEMORY_KB = 12;

export const figures: readonly Figure[] = [
  {
    name: 'cpu',
    title: 'Processor time per packet, client to peer: 8 clients, ChannelData of 160 bytes, one thread',
    contestants: [batch, debian, bareC],
    command: '--clients 8 --rate 30000 --duration 5s',
    metrics: cpu,
    goals: [
      { metric: 'cpu', of: batch.name, against: debian.name, atMost: 0.85, stretch: 0.7 },
      { metric: 'cpu', of: batch.name, against: bareC.name, atMost: 1.15 },
    ],
    read: readProcessorTime,
  },
  {
    name: 'cpu-1000',
    title: 'The same with 1,000 clients at 30 packets/s each',
    contestants: [batch, debian, bareC],
    command: '--clients 1000 --rate 30000 --duration 5s',
    metrics: cpu,
    goals: [{ metric: 'cpu', of: batch.name, against: debian.name, atMost: 0.9 }],
    read: readProcessorTime,
  },
  {
    name: 'cpu-to-client',
    title: 'Processor time per packet, peer to client: 8 clients, one thread',
    contestants: [batch, debian, bareC],
    command: '--clients 8 --rate 30000 --duration 5s --direction to-client',
    metrics: cpu,
    goals: [{ metric: 'cpu', of: batch.name, against: debian.name, atMost: 0.85, stretch: 0.7 }],
    read: readProcessorTime,
  },
  {
    name: 'throughput',
    title: 'Most packets a second with at most 0.1 % loss, one thread',
    contestants: [batch, debian],
    command: '--clients 8 --find-maximum',
    metrics: maximum,
    goals: [{ metric: 'maximum', of: batch.name, against: debian.name, atLeast: 1.2, stretch: 1.5 }],
    read: readMaximum,
  },
  {
    name: 'latency',
    title: "Added latency at half of coturn's maximum, one thread",
    contestants: [batch, debian],
    halfMaximumOf: debian,
    command: '--clients 8 --rate RATE --duration 4s --latency',
    metrics: { p50: 'added p50, µs', p99: 'added p99, µs', through: 'p99 through the relay, the path included, µs' },
    // The path is the same for both, so more added is more in all; and what is added alone can come out below 0.
    goals: [{ metric: 'through', of: batch.name, against: debian.name, atMost: 1 }],
    read: readAddedLatency,
  },
  {
    name: 'memory',
    title: 'Memory per idle allocation, 10,000 held',
    contestants: [batch],
    command: '--idle 10000',
    metrics: { memory: 'resident memory per allocation, kB', setup: 'time to set all up, s' },
    goals: [{ metric: 'memory', of: batch.name, atMost: MEMORY_KB }],
    read: readMemory,
  },
  {
    name: 'allocations',
    title: 'Authenticated allocations a second, each from a socket of its own and given back, one thread',
    contestants: [batch, debian],
    // The first seconds of a process that compiles as it runs are not how it goes on.
    command: '--allocations --warmup 5s --duration 5s',
    metrics: { allocations: 'allocations a second', cpu: 'processor time per allocation, µs' },
    goals: [{ metric: 'allocations', of: batch.name, against: debian.name, atLeast: 1.5 }],
    read: readAllocations,
  },
  {
    name: 'threads',
    title: 'Two threads against one: processor time per packet, 1,000 clients at 30 packets/s each',
    contestants: [batch2, batch, debian2],
    command: '--clients 1000 --rate 30000 --duration 5s',
    metrics: { ...cpu, share: 'share of the less busy of the two busiest threads' },
    goals: [
      { metric: 'cpu', of: batch2.name, against: batch.name, atMost: 1.15 },
      { metric: 'share', of: batch2.name, atLeast: 0.4 },
    ],
    read: (report) => ({ ...readProcessorTime(report), ...readShare(report) }),
  },
  {
    name: 'threads-throughput',
    title: 'Two threads against one: most packets a second with at most 0.1 % loss',
    contestants: enoughCores ? [batch2, batch] : [],
    command: '--clients 64 --find-maximum',
    metrics: maximum,
    goals: [
      {
        metric: 'maximum',
        of: batch2.name,
        against: batch.name,
        atLeast: 1.6,
        ...(!enoughCores && { notHere: 'fewer than four cores' }),
      },
    ],
    read: readMaximum,
  },
  {
    name: 'tls',
    title: 'Relay throughput of TLS clients, client to peer, 8 clients that send what they can',
    contestants: [batch, debian],
    isSecure: true,
    command: '--clients 8 --flood --duration 4s',
    metrics: { delivered: 'packets a second delivered', ...cpu },
    goals: [{ metric: 'delivered', of: batch.name, against: debian.name, atLeast: 0.8 }],
    read: (report) => ({ ...readProcessorTime(report), ...readDelivered(report) }),
  },
  {
    name: 'dgram',
    title: 'The portable plane against the relays that npm has: processor time per packet, 8 clients, client to peer',
    contestants: [dgram, turnServer, nodeTurn],
    command: '--clients 8 --rate 20000 --duration 5s',
    metrics: cpu,
    goals: [{ metric: 'cpu', of: dgram.name, against: turnServer.name, atMost: 0.5 }],
    read: readProcessorTime,
  },
];

type Metrics = Readonly<Record<string, number>>;

function readProcessorTime(report: BenchReport): Metrics {
  if (report.kind !== 'load' || report.measurement.server === undefined) return {};
  const { server, loss } = report.measurement;
  return { cpu: server.microseconds, loss: loss * 100 };
}

function readShare(report: BenchReport): Metrics {
  const [first = 0, second = 0] = (report.kind === 'load' && report.measurement.server?.threadShares) || [];
  return first + second === 0 ? {} : { share: second / (first + second) };
}

function readDelivered(report: BenchReport): Metrics {
  return report.kind === 'load' ? { delivered: report.measurement.deliveredPerSecond } : {};
}

function readMaximum(report: BenchReport): Metrics {
  if (report.kind !== 'maximum' || report.packetsPerSecond === 0) return {};
  return { maximum: report.packetsPerSecond, generatorLimited: report.generatorLimited ? 1 : 0 };
}

function readAddedLatency(report: BenchReport): Metrics {
  if (report.kind !== 'load' || !report.addedLatency || !report.measurement.latency) return {};
  return { ...report.addedLatency, through: report.measurement.latency.p99 };
}

function readMemory(report: BenchReport): Metrics {
  if (report.kind !== 'idle' || report.bytesPerAllocation === undefined) return {};
  return { memory: report.bytesPerAllocation / 1000, setup: report.setupMs / 1000 };
}

function readAllocations(report: BenchReport): Metrics {
  if (report.kind !== 'allocations') return {};
  return { allocations: report.perSecond, ...(report.server && { cpu: report.server.microseconds }) };
}
