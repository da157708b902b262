import type { PairVerdict } from '../nat/verdict/pair.ts';
import type { CommandContext } from './command-context.ts';
import { visible } from './operator/table.ts';
import { textColumns } from './render-diagnosis.ts';
import { styles } from './styles.ts';
import { point, wrap } from './wrapped-text.ts';

/** The verdict first, then why, and what to do. */
export function renderPair(verdict: PairVerdict, files: readonly [string, string], context: CommandContext): void {
  const { streams, environment } = context;
  const { good, bad, warning, faint, bold } = styles(streams.stdout, environment);
  const columns = textColumns(context);
  const style = { direct: good, relay: bad, uncertain: warning }[verdict.result];
  const lines = wrap(verdict.sentence, columns).map((line) => bold(style(line)));
  if (verdict.result !== 'uncertain') lines.push(faint(`How sure that is: ${verdict.confidence}.`));
  lines.push(...list('Why', verdict.reasons, columns, bold), ...list('What to do', verdict.advice, columns, bold));
  lines.push('', faint(visible(`A is ${files[0]}, B is ${files[1]}.`)));
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/** All of it as one document. */
export function renderPairJson(verdict: PairVerdict, { streams }: CommandContext): void {
  streams.stdout.write(`${JSON.stringify(verdict, null, 2)}\n`);
}

function list(title: string, points: readonly string[], columns: number, bold: (text: string) => string): string[] {
  if (points.length === 0) return [];
  return ['', bold(title), ...points.flatMap((text) => point(visible(text), columns))];
}
