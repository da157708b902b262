import type { SecurityFinding, SecurityReport, SecuritySubject } from '../../security/report.ts';
import type { CommandContext } from '../command-context.ts';
import { labelled, sentenceColumns } from '../explanation.ts';
import { visible } from '../operator/table.ts';
import { styles } from '../styles.ts';

/** How the subjects are called for people. */
const titles: Readonly<Record<SecuritySubject, string>> = {
  'anonymous-relay': 'open relay',
  'forbidden-peer': 'peer',
  'forbidden-tcp-peer': 'peer over TCP',
  amplification: 'amplification',
};
const titleWidth = Math.max(...Object.values(titles).map((title) => title.length));

/** Shows what the examination found, and a verdict below it. */
export function renderSecurity(report: SecurityReport, context: CommandContext): void {
  const { streams, environment } = context;
  const style = styles(streams.stdout, environment);
  const columns = sentenceColumns(context);
  const marks = { safe: style.good('✓'), unsafe: style.bad('✗'), 'not-tested': style.faint('-') };
  const lines = ['', style.bold('Security')];
  // What was said of one target is not said again of the next.
  const said = new Set<string>();
  for (const { subject, state, detail, advice } of report.findings) {
    const shown = visible(detail);
    const text = state === 'unsafe' ? style.bad(shown) : state === 'not-tested' ? style.faint(shown) : shown;
    lines.push(`${marks[state]} ${titles[subject].padEnd(titleWidth)}  ${text}`);
    if (!advice) continue;
    const { code, cause, fix } = advice;
    // Why something was not tried stands in the finding already.
    const hasCause = code !== 'not_tried' && !said.has(cause);
    const labels = state === 'unsafe' ? style.bad : style.faint;
    if (hasCause) lines.push(...labelled(state === 'unsafe' ? 'cause' : 'note', cause, labels, columns));
    if (!said.has(fix)) lines.push(...labelled('fix', fix, labels, columns));
    said.add(cause).add(fix);
  }
  lines.push(securityVerdict(report));
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/** One sentence: what is unsafe, or what could not be told. */
export function securityVerdict({ safe, findings }: SecurityReport): string {
  const count = (state: SecurityFinding['state']) => findings.filter((finding) => finding.state === state).length;
  const untested = count('not-tested');
  const reservation =
    untested === 0 ? '' : ` ${untested === 1 ? 'One thing' : `${untested} things`} could not be tested.`;
  if (!safe) return `The server is unsafe: see what is marked ✗.${reservation}`;
  return `Nothing unsafe was found.${reservation}`;
}
