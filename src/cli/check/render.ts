import type { Advice } from '../../ladder/advice.ts';
import { formatMilliseconds } from '../../ladder/ladder.ts';
import type { Rung } from '../../ladder/rung.ts';
import type { CommandContext } from '../command-context.ts';
import { explanation, sentenceColumns } from '../explanation.ts';
import { visible } from '../operator/table.ts';
import { styles } from '../styles.ts';
import { wrap } from '../wrapped-text.ts';
import { qualitySummary, renderQuality } from './render-quality.ts';
import { renderSecurity } from './render-security.ts';
import { type CheckReport, reachesTheEnd, type TransportCheck } from './report.ts';
import { stepTitle, stepTitleWidth } from './step-title.ts';
import type { CheckSummary } from './summary.ts';
import { describeThreshold } from './thresholds.ts';
import { verdictOf } from './verdict.ts';

/** Shows one step as soon as it is known. */
export function renderRung(rung: Rung, context: CommandContext): void {
  const { streams, environment } = context;
  const columns = sentenceColumns(context);
  const { good, bad, warning, faint } = styles(streams.stdout, environment);
  const time = faint(formatMilliseconds(rung.elapsedMs).padStart(7));
  const mark = rung.passed ? good('✓') : bad('✗');
  const detail = visible(rung.detail);
  const lines = [
    `${mark} ${stepTitle(rung.name).padEnd(stepTitleWidth)}  ${time}  ${rung.passed ? detail : bad(detail)}`,
  ];
  if (rung.problem) lines.push(...explanation(rung.problem, 'cause', bad, columns));
  for (const advice of rung.warnings) lines.push(...explanation(advice, 'note', warning, columns));
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/** Shows what was found beside the steps, which were shown before, and the verdict at the end. */
export function renderReport(report: CheckReport, context: CommandContext): void {
  const { streams, environment } = context;
  const { good, bad, faint, bold } = styles(streams.stdout, environment);
  const write = (...lines: readonly string[]) => streams.stdout.write(lines.map((line) => `${line}\n`).join(''));
  if (report.notTested.length > 0) {
    const untested = `not tested: ${report.notTested.map(stepTitle).join(', ')}`;
    write(...wrap(untested, sentenceColumns(context) - 2).map((line) => faint(`  ${line}`)));
  }
  const ends = [
    ...(report.credentialExpiresAt === undefined ? [] : [`the credential ends at ${report.credentialExpiresAt}`]),
    ...(report.certificateExpiresAt === undefined ? [] : [`the certificate ends at ${report.certificateExpiresAt}`]),
  ];
  if (ends.length > 0) write(faint(`  ${ends.join(', ')}`));
  if (report.quality) renderQuality(report.quality, context);
  if (report.alternatives) write('', bold('Other ways'), ...otherWayLines(report, report.alternatives, context));
  if (report.best !== undefined) write('', ...bestLines(report, context));
  if (report.security) renderSecurity(report.security, context);
  if (report.thresholds) {
    write('', bold('Thresholds'));
    for (const threshold of report.thresholds) {
      write(`${threshold.kept ? good('✓') : bad('✗')} ${describeThreshold(threshold)}`);
    }
  }
  const verdict = wrap(visible(verdictOf(report)), sentenceColumns(context));
  write('', ...verdict.map((line) => bold((report.passed ? good : bad)(line))));
}

/** Says which server of several the next steps are about. */
export function renderTarget(url: string, { streams, environment }: CommandContext): void {
  streams.stdout.write(`\n${styles(streams.stdout, environment).bold(visible(url))}\n`);
}

/** Shows what several checks come to, each of which was shown before. */
export function renderSummary(summary: CheckSummary, context: CommandContext): void {
  const { streams, environment } = context;
  const { good, bad, bold } = styles(streams.stdout, environment);
  const lines = summary.checks.map((report) => `${report.passed ? good('✓') : bad('✗')} ${visible(verdictOf(report))}`);
  if (summary.best !== undefined) lines.push(...bestLines(summary, context));
  streams.stdout.write(`\n${bold('All together')}\n${lines.join('\n')}\n`);
}

function bestLines({ best, bestBecause }: Pick<CheckSummary, 'best' | 'bestBecause'>, context: CommandContext) {
  return wrap(visible(`Best: ${best}, because ${bestBecause}.`), sentenceColumns(context));
}

/** Everything as one document. */
export function renderJson(report: object, { streams }: CommandContext): void {
  streams.stdout.write(`${JSON.stringify({ schema: 1, ...report }, null, 2)}\n`);
}

/** A note that stands above already is not said again. */
function otherWayLines(
  { rungs }: CheckReport,
  ways: readonly TransportCheck[],
  context: CommandContext,
): readonly string[] {
  const said = new Set(rungs.flatMap(({ warnings }) => warnings.map(({ code }) => code)));
  return ways.flatMap((way) => {
    const fresh = way.rungs.flatMap(({ warnings }) => warnings).filter(({ code }) => !said.has(code));
    for (const { code } of fresh) said.add(code);
    return wayLines(way, fresh, context);
  });
}

function wayLines(way: TransportCheck, warnings: readonly Advice[], context: CommandContext): readonly string[] {
  const columns = sentenceColumns(context);
  const { good, bad, warning, faint } = styles(context.streams.stdout, context.environment);
  if (way.notOffered !== undefined) return [faint(`- ${way.url}  not offered: ${way.notOffered}`)];
  const notes = warnings.flatMap((advice) => explanation(advice, 'note', warning, columns));
  if (reachesTheEnd(way)) {
    const summary = way.quality
      ? qualitySummary(way.quality)
      : (way.rungs.find(({ name }) => name === 'echo')?.detail ?? '');
    return [`${good('✓')} ${way.url}  ${summary}`, ...notes];
  }
  const last = way.rungs.at(-1)!;
  const problem = last.problem ? explanation(last.problem, 'cause', bad, columns) : [];
  return [`${bad('✗')} ${way.url}  ${bad(`${stepTitle(last.name)}: ${visible(last.detail)}`)}`, ...problem, ...notes];
}
