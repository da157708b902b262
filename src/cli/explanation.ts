import type { Advice } from '../ladder/advice.ts';
import type { CommandContext } from './command-context.ts';
import { visible } from './operator/table.ts';
import { textColumns } from './render-diagnosis.ts';
import { wrap } from './wrapped-text.ts';

type Style = (text: string) => string;

/** As wide as the longest label. */
const labelWidth = 5;
const indent = ' '.repeat(4);
const gap = '  ';

/** How long the line of a sentence may be: as the terminal has room; elsewhere, where programs look for it, it stays whole. */
export function sentenceColumns(context: Pick<CommandContext, 'streams'>): number {
  return context.streams.stdout.isTTY ? textColumns(context) : Number.POSITIVE_INFINITY;
}

/**
 * A problem, or a note, as it stands below what it is about: why, and what to do, in lines of their own.
 *
 * @param style of the labels.
 * @param columns how long a line may be, in characters.
 */
export function explanation(
  { cause, fix }: Advice,
  label: 'cause' | 'note',
  style: Style,
  columns: number,
): readonly string[] {
  return [...labelled(label, cause, style, columns), ...labelled('fix', fix, style, columns)];
}

/** A text with its label before the first of its lines. Text from the network is shown as it may be on a terminal. */
export function labelled(label: string, text: string, style: Style, columns: number): readonly string[] {
  const room = columns - indent.length - labelWidth - gap.length;
  return wrap(visible(text), room).map((line, i) => {
    const first = style(label.padEnd(labelWidth));
    return `${indent}${i === 0 ? first : ' '.repeat(labelWidth)}${gap}${line}`;
  });
}
