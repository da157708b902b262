/** Writes what was measured as Markdown. Pure. */
import type { FigureTable } from './figures.ts';
import { type Goal, goalSpread, judge, type Spread, spread, valuesOf } from './results.ts';
import type { FigureResult } from './run-figure.ts';

/** Where and with what was measured. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly network: string;
  readonly rounds: number;
  /** How busy the machine was when it began: processes that ran or wanted to, on average over a minute. */
  readonly loadAverage: number;
  /** Program and version. */
  readonly versions: readonly (readonly [string, string])[];
}

export interface MeasuredFigure extends FigureResult {
  readonly figure: FigureTable;
}

/** What was measured, of the relay and of the credential service. */
export interface Measured {
  readonly relay: readonly MeasuredFigure[];
  readonly service: readonly MeasuredFigure[];
}

const SERVICE_HEADING = '## The credential service';

export function benchmarkDocument(circumstances: Circumstances, { relay, service }: Measured): string {
  const { date, machine, network, rounds, versions } = circumstances;
  return `# Benchmarks

Written by \`npm run bench\`; \`npm run bench -- --only NAME --rounds N --quick\` measures less and writes nothing.
\`npm run bench -- --service\` measures the credential service alone, and writes its section anew.

- When: ${date}
- Machine: ${machine}
- Network: ${network}
- Versions: ${versions.map(([program, version]) => `${program} ${version}`).join(', ')}
- Rounds: ${rounds}; in each, the servers of a figure were measured one after the other. A ratio is the median over the ratios
  of each round, so that a busy minute strikes both sides of it; in brackets lowest and highest.
- Every server has a relay socket for each allocation, and no rate limits. The load is \`taciturn bench\`, which sends in the
  order client 0, 1, 2, …; it runs on the same processor cores as the server, and nothing is pinned to any.
- Processor time is that of the server's process, with all its threads.

## Figures to reach

${table(['figure', 'measured', 'to reach', 'verdict'], relay.flatMap(goalRows))}

${relay.map((figure) => section(figure)).join('\n\n')}

${serviceSection(circumstances, service)}
`;
}

/** The section of the credential service, which is the last one. It has its own circumstances, since it may be newer. */
function serviceSection(circumstances: Circumstances, service: readonly MeasuredFigure[]): string {
  const { date, machine, rounds, loadAverage, versions } = circumstances;
  const programs = versions.filter(([program]) => ['taciturn', 'Node'].includes(program));
  return `${SERVICE_HEADING}

Nobody else has one like it, so its figures stand for themselves. The median over the rounds; in brackets lowest and highest.

- When: ${date}; load average when it began ${number(loadAverage)}
- Machine: ${machine}; everything on loopback
- Versions: ${programs.map(([program, version]) => `${program} ${version}`).join(', ')}
- Rounds: ${rounds}

${table(['figure', 'measured', 'to reach', 'verdict'], service.flatMap(goalRows))}

${service.map((figure) => section(figure, '###')).join('\n\n')}`;
}

/** Puts other figures of the credential service into a document, and leaves those of the relay as they are. */
export function replaceServiceSection(
  document: string,
  circumstances: Circumstances,
  service: readonly MeasuredFigure[],
): string {
  const [relay = ''] = document.split(`\n${SERVICE_HEADING}\n`, 1);
  return `${relay.trimEnd()}\n\n${serviceSection(circumstances, service)}\n`;
}

/** One figure, as it also appears on the terminal. */
export function section({ figure, samples, notes, how }: MeasuredFigure, heading = '##'): string {
  const metrics = Object.entries(figure.metrics);
  const rows = figure.contestants.map(({ name }) => [
    name,
    ...metrics.map(([metric]) => describeSpread(spread(valuesOf(samples, name, metric)))),
  ]);
  const parts = [
    `${heading} ${figure.title}`,
    `${how} (\`--only ${figure.name}\`)`,
    ...(rows.length > 0
      ? [table([figure.rowsAre ?? 'server', ...metrics.map(([, title]) => title)], rows)]
      : ['Not measured.']),
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : []),
  ];
  return parts.join('\n\n');
}

/** The goals of a figure as rows of a table: what, measured, to reach, verdict. */
export function goalRows({ figure, samples }: MeasuredFigure): string[][] {
  return figure.goals.map((goal) => {
    const value = goal.notHere === undefined ? goalSpread(samples, goal) : undefined;
    const verdict = judge(goal, value);
    const why = goal.notHere === undefined ? '' : ` (${goal.notHere})`;
    return [describeGoal(figure, goal), describeSpread(value), describeTarget(goal), `${verdict}${why}`];
  });
}

function describeGoal({ name, metrics }: FigureTable, { metric, of, against }: Goal): string {
  const what = `${name}: ${metrics[metric]}, ${of}`;
  return against === undefined ? what : `${what} ÷ ${against}`;
}

function describeTarget({ atMost, atLeast, stretch }: Goal): string {
  const target = atMost === undefined ? `≥ ${number(atLeast!)}` : `≤ ${number(atMost)}`;
  return stretch === undefined ? target : `${target}, stretch ${stretch}`;
}

function describeSpread(value: Spread | undefined): string {
  if (value === undefined) return 'not measured';
  const { median, lowest, highest } = value;
  return `${number(median)} (${number(lowest)}–${number(highest)})`;
}

function number(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
