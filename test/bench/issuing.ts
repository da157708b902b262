import { setTimeout as pause } from 'node:timers/promises';
import { processorCost, residentBytes, sampleProcess } from '../../src/bench/processor-time.ts';
import type { Cleanup } from './cleanup.ts';
import { IssueLoad } from './issue-load.ts';
import { type ServiceDaemon, startServiceDaemon } from './service-daemon.ts';
import type { Filling } from './store-filling.ts';

/** The first seconds of a process that compiles as it runs are not how it goes on. */
const WARMUP_MS = 4000;
const FLOOD_MS = 6000;
const RATE_MS = 10_000;
/** Until what was needed at the start only is given back. */
const REST_MS = 3000;
/** Half of what has to be reached. */
export const HALF_RATE = 1500;

/**
 * Issues credentials over HTTP, as many as it can and then at {@link HALF_RATE}.
 *
 * @throws when one was refused, or is missing in the audit log.
 */
export async function measureIssuing(filling: Filling, cleanup: Cleanup): Promise<Record<string, number>> {
  const daemon = await startServiceDaemon(filling, { oneCore: true }, cleanup);
  try {
    await pause(REST_MS);
    const atRest = residentBytes(daemon.pid);
    const load = await IssueLoad.open(daemon.http, daemon.keys);
    const metrics = await putUnderLoad(load, daemon).finally(() => load.close());
    const { auditLines } = await daemon.end();
    if (auditLines !== load.issued) {
      throw new Error(`${load.issued} credentials were issued, and the audit log has ${auditLines} lines`);
    }
    return { ...metrics, start: daemon.startMs / 1000, ...(atRest !== undefined && { memory: atRest / 1e6 }) };
  } finally {
    await daemon.remove();
  }
}

async function putUnderLoad(load: IssueLoad, { pid }: ServiceDaemon): Promise<Record<string, number>> {
  await load.flood(WARMUP_MS);
  const before = sampleProcess(pid);
  const { issued, ms } = await load.flood(FLOOD_MS);
  const after = sampleProcess(pid);
  const cost = before && after && processorCost(before, after, issued);
  const latencies = await load.atRate(HALF_RATE, RATE_MS);
  const loaded = residentBytes(pid);
  return {
    perSecond: (issued * 1000) / ms,
    ...(cost && { perProcessorSecond: 1e6 / cost.microseconds }),
    p50: latencies.quantile(0.5)! / 1000,
    p99: latencies.quantile(0.99)! / 1000,
    ...(loaded !== undefined && { loaded: loaded / 1e6 }),
  };
}
