import type { CommandContext } from '../command-context.ts';
import { visible } from '../operator/table.ts';
import { styles } from '../styles.ts';
import { qualitySummary } from './render-quality.ts';
import { type CheckReport, reachesTheEnd } from './report.ts';
import { stepTitle } from './step-title.ts';
import { verdictOf } from './verdict.ts';

/** Shows a round of `--watch` in one line, as text or as a document. */
export function renderRound(report: CheckReport, { streams, environment }: CommandContext, json: boolean): void {
  if (json) {
    streams.stdout.write(`${JSON.stringify({ schema: 1, ...report })}\n`);
    return;
  }
  const { good, bad, faint } = styles(streams.stdout, environment);
  const mark = report.passed ? good('✓') : bad('✗');
  streams.stdout.write(`${faint(report.startedAt)} ${mark} ${visible(lineOf(report))}\n`);
}

function lineOf(report: CheckReport): string {
  const last = report.rungs.at(-1);
  if (!reachesTheEnd(report) && last) {
    const cause = last.problem ? ` ${last.problem.cause}` : '';
    return `${report.url}  ${stepTitle(last.name)}: ${last.detail}.${cause}`;
  }
  const summary = report.quality ? `  ${qualitySummary(report.quality)}` : '';
  return `${report.passed ? report.url : verdictOf(report)}${summary}`;
}
