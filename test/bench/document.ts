/** Writes what was measured as Markdown. Pure. */
import type { Figure } from './figures.ts';
import { type Goal, goalSpread, judge, type Spread, spread, valuesOf } from './results.ts';
import type { FigureResult } from './run-figure.ts';

/** Where and with what was measured. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly network: string;
  readonly rounds: number;
  /** Program and version. */
  readonly versions: readonly (readonly [string, string])[];
}

export interface MeasuredFigure extends FigureResult {
  readonly figure: Figure;
}

export function benchmarkDocument(circumstances: Circumstances, measured: readonly MeasuredFigure[]): string {
  const { date, machine, network, rounds, versions } = circumstances;
  return `# Benchmarks

Written by \`npm run bench\`; \`npm run bench -- --only NAME --rounds N --quick\` measures less and writes nothing.

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

${table(['figure', 'measured', 'to reach', 'verdict'], measured.flatMap(goalRows))}

${measured.map(section).join('\n\n')}
`;
}

/** One figure, as it also appears on the terminal. */
export function section({ figure, samples, notes, command }: MeasuredFigure): string {
  const metrics = Object.entries(figure.metrics);
  const rows = figure.contestants.map(({ name }) => [
    name,
    ...metrics.map(([metric]) => describeSpread(spread(valuesOf(samples, name, metric)))),
  ]);
  const parts = [
    `## ${figure.title}`,
    `\`taciturn bench ${figure.isSecure ? 'turns:' : 'turn:'}SERVER ${command}\` (\`--only ${figure.name}\`)`,
    ...(rows.length > 0 ? [table(['server', ...metrics.map(([, title]) => title)], rows)] : ['Not measured.']),
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

function describeGoal({ name, metrics }: Figure, { metric, of, against }: Goal): string {
  const what = `${name}: ${metrics[metric]}, ${of}`;
  return against === undefined ? what : `${what} ÷ ${against}`;
}

function describeTarget({ atMost, atLeast, stretch }: Goal): string {
  const target = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
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
