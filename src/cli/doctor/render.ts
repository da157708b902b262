import type { CommandContext } from '../command-context.ts';
import { styles } from '../styles.ts';
import type { DoctorReport, Finding, Level, Subject } from './finding.ts';

const marks: Readonly<Record<Level, string>> = { ok: '✓', warning: '!', problem: '✗', 'not-tested': '–' };
const titles: Readonly<Record<Subject, string>> = {
  server: 'server',
  listener: 'listener',
  'http-service': 'http',
  'data-plane': 'data plane',
  certificate: 'certificate',
  'external-address': 'address',
  relay: 'relay',
  store: 'store',
  'data-directory': 'data',
  'audit-log': 'audit log',
  webhooks: 'webhooks',
  admission: 'admission',
  limits: 'limits',
  clock: 'clock',
};
const titleWidth = Math.max(...Object.values(titles).map(({ length }) => length));

/** The verdict, then every finding with its fix below it. */
export function renderReport(report: DoctorReport, { streams, environment }: CommandContext): void {
  const { good, bad, warning, faint, bold } = styles(streams.stdout, environment);
  const styleOf = { ok: good, warning, problem: bad, 'not-tested': faint };
  const lines = [bold((report.healthy ? good : bad)(verdict(report))), ''];
  for (const { about, level, sentence, fix } of report.findings) {
    const style = styleOf[level];
    const text = level === 'ok' || level === 'warning' ? sentence : style(sentence);
    lines.push(`${style(marks[level])} ${titles[about].padEnd(titleWidth)}  ${text}`);
    if (fix !== undefined) lines.push(`  ${' '.repeat(titleWidth)}  ${faint('fix')}  ${fix}`);
  }
  streams.stdout.write(`${lines.join('\n')}\n`);
}

export function renderReportAsJson(report: DoctorReport, { streams }: CommandContext): void {
  streams.stdout.write(`${JSON.stringify({ schema: 1, ...report }, null, 2)}\n`);
}

function verdict({ findings }: DoctorReport): string {
  const problems = count(findings, 'problem');
  const rest = [
    counted(count(findings, 'warning'), 'warning', 'warnings'),
    ...(count(findings, 'not-tested') > 0 ? [`${count(findings, 'not-tested')} not tested`] : []),
  ].filter((text) => text !== '');
  const beside = rest.length > 0 ? `, ${rest.join(', ')}` : '';
  if (problems > 0) return `The server has ${counted(problems, 'problem', 'problems')}${beside}.`;
  return `No problem was found${beside}.`;
}

function count(findings: readonly Finding[], wanted: Level): number {
  return findings.filter(({ level }) => level === wanted).length;
}

function counted(number: number, one: string, many: string): string {
  if (number === 0) return '';
  return number === 1 ? `one ${one}` : `${number} ${many}`;
}
