import type { CommandContext } from '../command-context.ts';
import { styles } from '../styles.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Where the terminal is too narrow, this column is cut short. */
  readonly shrinks?: boolean;
}

const gap = '  ';
/** No column that shrinks gets narrower than this. */
const leastWidth = 6;
const terminalColumns = 80;

/**
 * Shows rows below their titles. On a terminal it is cut to the width of that; elsewhere, where a program may read it, every
 * value is whole.
 *
 * @param below further lines for each row, which may be longer.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { streams, environment }: CommandContext,
  below: readonly (readonly string[])[] = [],
): void {
  const cells = rows.map((row) => row.map(visible));
  const widths = columns.map(({ title }, i) =>
    cells.reduce((most, row) => Math.max(most, length(row[i]!)), length(title)),
  );
  const { columns: available = terminalColumns } = streams.stdout as { readonly columns?: number };
  if (streams.stdout.isTTY) shrink(columns, widths, available);
  const line = (values: readonly string[]) =>
    values
      .map((value, i) => padded(value, widths[i]!, columns[i]!.align ?? 'left'))
      .join(gap)
      .trimEnd();
  const { faint } = styles(streams.stdout, environment);
  const titles = faint(line(columns.map(({ title }) => title)));
  const more = (i: number) => (below[i] ?? []).map((text) => faint(`${gap}${visible(text)}`));
  const lines = cells.flatMap((row, i) => [line(row), ...more(i)]);
  streams.stdout.write(`${[titles, ...lines].join('\n')}\n`);
}

/** Shows facts, one a line, each behind its name. A value of several lines is indented as its first. */
export function renderFacts(
  facts: readonly (readonly [name: string, value: string | readonly string[]])[],
  { streams, environment }: CommandContext,
): void {
  const { faint } = styles(streams.stdout, environment);
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.flatMap(([name, value]) =>
    [value].flat().map((text, i) => `${faint((i === 0 ? name : '').padEnd(width))}${gap}${visible(text)}`),
  );
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/**
 * Text from outside as it may be shown on a terminal: without what would move the cursor, change colours or turn the direction
 * of writing.
 */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

/** Takes from the widest column that shrinks, as long as the line is too long. */
function shrink(columns: readonly Column[], widths: number[], available: number): void {
  const total = () => widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
  while (total() > available) {
    const shrinking = widths.map((width, i) => (columns[i]!.shrinks ? width : 0));
    const widest = shrinking.indexOf(Math.max(...shrinking));
    if (shrinking[widest]! <= leastWidth) return;
    widths[widest]!--;
  }
}

function padded(text: string, width: number, align: 'left' | 'right'): string {
  const missing = width - length(text);
  if (missing < 0) return `${[...text].slice(0, width - 1).join('')}…`;
  return align === 'right' ? ' '.repeat(missing) + text : text + ' '.repeat(missing);
}

/** In characters, not in UTF-16 units. */
function length(text: string): number {
  return [...text].length;
}
