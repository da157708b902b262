import type { Advice } from '../../ladder/advice.ts';
import type { SecurityFinding, SecurityReport, SecuritySubject } from '../../security/report.ts';
import type { CommandContext } from '../command-context.ts';
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
export function renderSecurity(report: SecurityReport, { streams, environment }: CommandContext): void {
  const style = styles(streams.stdout, environment);
  const marks = { safe: style.good('✓'), unsafe: style.bad('✗'), 'not-tested': style.faint('-') };
  const lines = ['', style.bold('Security')];
  for (const { subject, state, detail, advice } of report.findings) {
    const text = state === 'unsafe' ? style.bad(detail) : state === 'not-tested' ? style.faint(detail) : detail;
    lines.push(`${marks[state]} ${titles[subject].padEnd(titleWidth)}  ${text}`);
    if (!advice) continue;
    const explained =
      state === 'unsafe' ? explanation(advice, 'cause', style.bad) : explanation(advice, 'note', style.faint);
    // What was said of one target is not said again of the next.
    lines.push(...explained.filter((line) => !lines.includes(line)));
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

/** Why something was not tried stands in the finding already. */
function explanation({ code, cause, fix }: Advice, label: 'cause' | 'note', style: (text: string) => string): string[] {
  const lines = [`    ${style(label.padEnd(5))}  ${cause}`, `    ${style('fix  ')}  ${fix}`];
  return code === 'not_tried' ? lines.slice(1) : lines;
}
