import { setTimeout as sleep } from 'node:timers/promises';
import { LoadTest, type LoadTestOptions, type Measurement } from './load-test.ts';
import { MaximumSearch } from './maximum-search.ts';
import { type ProcessorCost, processorCost, residentBytes, sampleProcess } from './processor-time.ts';
import { startClients } from './station.ts';
import type { ChurnReport } from './station-orders.ts';

/** What to measure. */
export type BenchTask =
  /** `packetsPerSecond` is `undefined` for as many as can be sent. */
  | { readonly kind: 'load'; readonly packetsPerSecond: number | undefined }
  /** The highest rate at which at most {@link TOLERATED_LOSS} is lost. */
  | { readonly kind: 'maximum' }
  /** Allocations that are only held. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'allocations'; readonly inFlight: number };

export interface BenchPlan extends LoadTestOptions {
  readonly task: BenchTask;
  readonly warmupMs: number;
  /** How long to measure; in a search for the maximum, each rate. */
  readonly durationMs: number;
}

export type BenchReport = LoadReport | MaximumReport | IdleReport | AllocationsReport;

export interface LoadReport {
  readonly kind: 'load';
  readonly measurement: Measurement;
  /** The same path without the relay, where latencies are measured. */
  readonly baseline?: Measurement;
  /** Microseconds. */
  readonly addedLatency?: { readonly p50: number; readonly p99: number };
}

export interface MaximumReport {
  readonly kind: 'maximum';
  readonly packetsPerSecond: number;
  /** Whether it was this load generator that could do no more, and not the server. */
  readonly generatorLimited: boolean;
  /** What was measured at that rate. */
  readonly measurement: Measurement | undefined;
}

export interface IdleReport {
  readonly kind: 'idle';
  readonly allocations: number;
  readonly setupMs: number;
  readonly residentBefore?: number;
  readonly residentAfter?: number;
  readonly bytesPerAllocation?: number;
}

export interface AllocationsReport extends ChurnReport {
  readonly kind: 'allocations';
  readonly perSecond: number;
  /** For each allocation. */
  readonly server: ProcessorCost | undefined;
}

/** Told now and then what is being done. */
export type ShowProgress = (what: string) => void;

export const TOLERATED_LOSS = 0.001;
const PROGRESS_EVERY_MS = 250;
const BASELINE_MS = 2000;
const FIRST_RATE = 20_000;
const PROBE_WARMUP_MS = 200;
/** A generator that sent less than this share of what it should have is what limits. */
const KEPT_UP = 0.98;
/** Idle memory settles once garbage has been collected. */
const SETTLE_MS = 3000;

/** Carries out a plan; rejects when there is nothing to measure, since no allocations can be had. */
export function runBench(plan: BenchPlan, show: ShowProgress): Promise<BenchReport> {
  switch (plan.task.kind) {
    case 'load':
      return withAllocations(plan, show, (test) => measureLoad(test, plan, plan.task as LoadTask, show));
    case 'maximum':
      return withAllocations(plan, show, (test) => findMaximum(test, plan.durationMs, show));
    case 'idle':
      return holdIdle(plan, show);
    case 'allocations':
      return countAllocations(plan, plan.task.inFlight, show);
  }
}

type LoadTask = Extract<BenchTask, { kind: 'load' }>;

async function withAllocations<T>(
  plan: BenchPlan,
  show: ShowProgress,
  measure: (test: LoadTest) => Promise<T>,
): Promise<T> {
  show(`${plan.clients} allocations`);
  const test = await LoadTest.start(plan);
  try {
    return await measure(test);
  } finally {
    await test.close();
  }
}

async function measureLoad(test: LoadTest, plan: BenchPlan, task: LoadTask, show: ShowProgress): Promise<LoadReport> {
  const { warmupMs, durationMs, prompt } = plan;
  const { packetsPerSecond } = task;
  const baseline = prompt
    ? await watched(test, 'without the relay', show, () =>
        test.measure({ packetsPerSecond, warmupMs, durationMs: Math.min(durationMs, BASELINE_MS), direct: true }),
      )
    : undefined;
  const measurement = await watched(test, 'through the relay', show, () =>
    test.measure({ packetsPerSecond, warmupMs, durationMs }),
  );
  const [with_, without] = [measurement.latency, baseline?.latency];
  return {
    kind: 'load',
    measurement,
    ...(baseline && { baseline }),
    ...(with_ && without && { addedLatency: { p50: with_.p50 - without.p50, p99: with_.p99 - without.p99 } }),
  };
}

async function findMaximum(test: LoadTest, durationMs: number, show: ShowProgress): Promise<MaximumReport> {
  const search = new MaximumSearch(FIRST_RATE);
  let measurement: Measurement | undefined;
  let generatorLimited = false;
  for (let rate = search.next; rate !== undefined; rate = search.next) {
    const probe = await watched(test, `${rate} packets/s`, show, () =>
      test.measure({ packetsPerSecond: rate, warmupMs: PROBE_WARMUP_MS, durationMs }),
    );
    // What the receiver itself had no room for did come through the relay.
    const lost = Math.max(0, probe.lost - probe.overflows);
    const keptUp = probe.sent >= KEPT_UP * probe.offered;
    const passed = keptUp && lost <= TOLERATED_LOSS * probe.sent;
    search.tell(passed);
    if (passed) measurement = probe;
    generatorLimited = passed ? generatorLimited : !keptUp;
  }
  return { kind: 'maximum', packetsPerSecond: search.best, generatorLimited, measurement };
}

async function holdIdle(plan: BenchPlan, show: ShowProgress): Promise<IdleReport> {
  const { clients: allocations, credentials, mode, pid } = plan;
  const clients = startClients(plan);
  try {
    const residentBefore = pid === undefined ? undefined : residentBytes(pid);
    show(`${allocations} allocations`);
    const { elapsedMs } = await clients.orders.call('allocate', { clients: allocations, credentials, mode });
    await sleep(SETTLE_MS);
    const residentAfter = pid === undefined ? undefined : residentBytes(pid);
    show('giving them back');
    await clients.orders.call('release');
    return {
      kind: 'idle',
      allocations,
      setupMs: elapsedMs,
      ...(residentBefore !== undefined &&
        residentAfter !== undefined && {
          residentBefore,
          residentAfter,
          bytesPerAllocation: (residentAfter - residentBefore) / allocations,
        }),
    };
  } finally {
    await clients.stop();
  }
}

async function countAllocations(plan: BenchPlan, inFlight: number, show: ShowProgress): Promise<AllocationsReport> {
  const { credentials, warmupMs, durationMs, pid } = plan;
  const clients = startClients(plan);
  try {
    show('allocations');
    const churning = clients.orders.call('churn', { credentials, warmupMs, durationMs, inFlight });
    churning.catch(() => {});
    await sleep(warmupMs);
    const before = pid === undefined ? undefined : sampleProcess(pid);
    const report = await churning;
    const after = pid === undefined ? undefined : sampleProcess(pid);
    const { allocations, elapsedMs } = report;
    return {
      kind: 'allocations',
      ...report,
      perSecond: (allocations * 1000) / elapsedMs,
      server: before && after && processorCost(before, after, allocations),
    };
  } finally {
    await clients.stop();
  }
}

/** Does something with a test under load, and shows how far it is meanwhile. */
async function watched<T>(test: LoadTest, what: string, show: ShowProgress, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    const { sent, delivered } = test.progress;
    show(`${what}: ${sent} sent, ${delivered} delivered`);
  }, PROGRESS_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
