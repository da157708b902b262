import { formatMilliseconds } from '../client/ladder.ts';
import { type Advice, type LadderReport, type Rung, type RungName, rungNames } from '../client/rung.ts';
import type { CommandContext } from './command-context.ts';
import { styles } from './styles.ts';

/** What `taciturn check` found. */
export interface CheckReport extends LadderReport {
  readonly url: string;
}

/** How the steps are called for people. */
const titles: ReadonlyMap<RungName, string> = new Map([['allocate-peer', 'second allocation']]);
const titleWidth = Math.max(...rungNames.map((name) => title(name).length));

/** Shows one step as soon as it is known. */
export function renderRung(rung: Rung, { streams, environment }: CommandContext): void {
  const { good, bad, warning, faint } = styles(streams.stdout, environment);
  const time = faint(formatMilliseconds(rung.elapsedMs).padStart(7));
  const mark = rung.passed ? good('✓') : bad('✗');
  const lines = [
    `${mark} ${title(rung.name).padEnd(titleWidth)}  ${time}  ${rung.passed ? rung.detail : bad(rung.detail)}`,
  ];
  if (rung.problem) lines.push(...explanation(rung.problem, 'cause', bad));
  for (const advice of rung.warnings) lines.push(...explanation(advice, 'note', warning));
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/** Shows the verdict, below the steps that were shown before. */
export function renderVerdict(report: CheckReport, { streams, environment }: CommandContext): void {
  const { good, bad, faint, bold } = styles(streams.stdout, environment);
  const lines: string[] = [];
  if (report.notTested.length > 0) lines.push(faint(`  not tested: ${report.notTested.map(title).join(', ')}`));
  lines.push('', bold(report.passed ? good(passedVerdict(report)) : bad(failedVerdict(report))));
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/** Everything as one document. */
export function renderJson(report: CheckReport, { streams }: CommandContext): void {
  streams.stdout.write(`${JSON.stringify({ schema: 1, ...report }, null, 2)}\n`);
}

function passedVerdict({ url, rungs }: CheckReport): string {
  const reservations = rungs.some(({ warnings }) => warnings.length > 0) ? ', but read the notes above' : '';
  const what = url.startsWith('stun') ? 'answers' : 'relays';
  return `${url} ${what}${reservations}.`;
}

function failedVerdict({ url, rungs }: CheckReport): string {
  return `${url} does not work: it fails at the step "${title(rungs.at(-1)!.name)}".`;
}

function title(name: RungName): string {
  return titles.get(name) ?? name;
}

function explanation({ cause, fix }: Advice, label: 'cause' | 'note', style: (text: string) => string): string[] {
  return [`    ${style(label.padEnd(5))}  ${cause}`, `    ${style('fix  ')}  ${fix}`];
}
