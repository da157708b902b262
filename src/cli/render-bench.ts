import type { LatencySummary } from '../bench/arrivals.ts';
import type { Measurement } from '../bench/load-test.ts';
import type { ProcessorCost } from '../bench/processor-time.ts';
import type { BenchPlan, BenchReport, LoadReport } from '../bench/run-bench.ts';
import type { CommandContext } from './command-context.ts';

/** Everything as one document. */
export function renderBenchJson(url: string, plan: BenchPlan, report: BenchReport, { streams }: CommandContext): void {
  const { clients, size, mode, direction, burst, transport } = plan;
  const document = { schema: 1, url, transport, clients, size, mode, direction, burst, ...report };
  streams.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** A few lines for people. */
export function renderBench(url: string, plan: BenchPlan, report: BenchReport, { streams }: CommandContext): void {
  const lines = [...describeReport(plan, report)];
  const width = Math.max(...lines.map(([name]) => name.length));
  streams.stdout.write(`${url}\n${lines.map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`).join('')}`);
}

type Line = readonly [name: string, value: string];

function describeReport(plan: BenchPlan, report: BenchReport): Line[] {
  switch (report.kind) {
    case 'load': {
      const { measurement } = report;
      return [traffic(plan), ...describeMeasurement(measurement), ...describeLatency(report)];
    }
    case 'maximum': {
      const limit = report.generatorLimited ? ' (this load generator can do no more)' : '';
      const most: Line = ['most with ≤ 0.1 % loss', `${count(report.packetsPerSecond)} packets/s${limit}`];
      return [traffic(plan), most, ...(report.measurement ? processor(report.measurement.server) : [])];
    }
    case 'idle': {
      const { allocations, setupMs, bytesPerAllocation, residentAfter } = report;
      const memory: Line[] =
        bytesPerAllocation === undefined || residentAfter === undefined
          ? []
          : [
              [
                'memory',
                `${(bytesPerAllocation / 1000).toFixed(1)} kB each, ${(residentAfter / 1e6).toFixed(0)} MB in all`,
              ],
            ];
      return [['allocations', `${count(allocations)}, set up in ${(setupMs / 1000).toFixed(1)} s`], ...memory];
    }
    case 'allocations': {
      const failures: Line[] =
        report.failures > 0 ? [['failed', `${count(report.failures)}, the last one: ${report.failure}`]] : [];
      return [
        ['allocations', `${count(report.perSecond)} a second`],
        ...failures,
        ...processor(report.server, 'allocation'),
      ];
    }
  }
}

function describeLatency({ addedLatency, measurement, baseline }: LoadReport): Line[] {
  if (addedLatency === undefined) return [];
  // A busy moment may strike the path without the relay alone; the two lines above the difference show that.
  return [
    ['through the relay', percentiles(measurement.latency!)],
    ['without it, by UDP', percentiles(baseline!.latency!)],
    ['added latency', percentiles(addedLatency)],
  ];
}

function percentiles({ p50, p99 }: LatencySummary): string {
  return `p50 ${microseconds(p50)} · p99 ${microseconds(p99)}`;
}

function traffic({ clients, size, mode, direction }: BenchPlan): Line {
  const way =
    direction === 'echo' ? 'to the peer and back' : direction === 'to-peer' ? 'to the peer' : 'to the clients';
  const wrapped = mode === 'channel' ? 'ChannelData' : 'indications';
  return ['traffic', `${count(clients)} ${clients === 1 ? 'client' : 'clients'}, ${size} bytes, ${wrapped}, ${way}`];
}

function describeMeasurement(measurement: Measurement): Line[] {
  const { sent, offered, delivered, durationMs, deliveredPerSecond, lost, loss, duplicates, overflows } = measurement;
  const behind = sent < offered * 0.99 ? ` (of ${count(offered)}: this load generator can do no more)` : '';
  const full = overflows > 0 ? `, ${count(overflows)} of them because this load generator had no room` : '';
  const lines: Line[] = [
    ['sent', `${count(sent)} in ${durationMs / 1000} s${behind}`],
    ['delivered', `${count(delivered)}, ${count(deliveredPerSecond)} packets/s`],
    ['lost', `${count(lost)} (${(loss * 100).toFixed(2)} %)${full}`],
  ];
  if (duplicates > 0) lines.push(['duplicates', count(duplicates)]);
  lines.push(...processor(measurement.server));
  if (measurement.generatorMicroseconds !== undefined) {
    lines.push(['load generator', `${measurement.generatorMicroseconds.toFixed(2)} µs of processor time per packet`]);
  }
  return lines;
}

function processor(cost: ProcessorCost | undefined, per = 'packet'): Line[] {
  if (cost === undefined) return [];
  const { userMicroseconds, systemMicroseconds, threadShares } = cost;
  const shares = threadShares.length > 1 ? `; by thread ${threadShares.map(percent).join(', ')}` : '';
  const parts = `user ${userMicroseconds.toFixed(2)}, system ${systemMicroseconds.toFixed(2)}`;
  return [['server', `${cost.microseconds.toFixed(2)} µs of processor time per ${per} (${parts})${shares}`]];
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function microseconds(value: number): string {
  return `${Math.round(value)} µs`;
}
