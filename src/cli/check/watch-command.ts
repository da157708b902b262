import { systemClock } from '../../client/clock.ts';
import { type CommandContext, ExitCode } from '../command-context.ts';
import { CommandFailure, renderFailure } from '../command-failure.ts';
import { Interruption } from '../interruption.ts';
import { MetricsEndpoint } from './metrics-endpoint.ts';
import type { WatchPlan } from './plan.ts';
import { ProbeMetrics } from './probe-metrics.ts';
import { renderRound } from './render-round.ts';
import type { CheckReport } from './report.ts';
import { watch } from './watch.ts';

/**
 * Checks once each interval, shows a line for each round, and tells Prometheus, until SIGINT or SIGTERM. The round under way then ends
 * early, with what it has allocated given back.
 *
 * @returns whether the last round passed that was not cut short.
 */
export async function watchServers(
  { intervalMs, metrics }: WatchPlan,
  check: (stop: AbortSignal) => Promise<readonly CheckReport[]>,
  context: CommandContext,
  json: boolean,
): Promise<boolean> {
  const probe = new ProbeMetrics();
  const endpoint = metrics && (await MetricsEndpoint.start(metrics, () => probe.render()));
  if (endpoint) context.streams.stderr.write(`metrics: ${endpoint.url}\n`);
  const interruption = new Interruption();
  const { signal } = interruption;
  let lastPassed: boolean | undefined;
  try {
    await watch({ clock: systemClock, intervalMs, stop: signal }, async () => {
      const reports = await reportsOf(check(signal), context, json, lastPassed === undefined);
      const passed = reports?.every((report) => report.passed) ?? false;
      // A measurement that was cut short says nothing, unless there is no other.
      if (signal.aborted && lastPassed !== undefined) return;
      lastPassed = passed;
      probe.record({ endedAt: context.unixNow(), passed, reports: reports ?? [] });
      for (const report of reports ?? []) renderRound(report, context, json);
    });
  } finally {
    interruption.close();
    endpoint?.close();
  }
  return lastPassed ?? false;
}

/** The reports of a round; `undefined`, with the reason shown, when a service did not tell what to check, which it may do next time. */
async function reportsOf(
  check: Promise<readonly CheckReport[]>,
  context: CommandContext,
  json: boolean,
  isFirst: boolean,
): Promise<readonly CheckReport[] | undefined> {
  try {
    return await check;
  } catch (error) {
    // What is wrong from the beginning will not mend itself.
    if (!(error instanceof CommandFailure) || (isFirst && error.exitCode === ExitCode.usage)) throw error;
    if (json) {
      const { code, message } = error;
      context.streams.stdout.write(`${JSON.stringify({ schema: 1, error: { code, message } })}\n`);
    } else renderFailure(error, context, false);
    return undefined;
  }
}
