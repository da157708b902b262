import type { Advice } from '../../ladder/advice.ts';
import type { Rung, RungName } from '../../ladder/rung.ts';
import type { SecurityFinding } from '../../security/report.ts';
import type { CheckReport, ThresholdResult, TransportCheck } from './report.ts';
import { stepTitle } from './step-title.ts';
import { describeThreshold } from './thresholds.ts';
import { element } from './xml.ts';

interface TestCase {
  readonly name: string;
  readonly seconds?: number;
  readonly outcome: 'passed' | 'skipped' | 'failed';
  /** What was found, or why it failed or was skipped. */
  readonly detail: string;
  readonly advice?: readonly Advice[];
}

/**
 * The reports as JUnit XML, as Jenkins, GitLab and others read it: a suite for each URL, and in it a case for each step, threshold and
 * security finding.
 */
export function junitXml(reports: readonly CheckReport[]): string {
  const suites = reports.flatMap((report) => [
    suite(report, [...report.rungs.map(stepCase), ...notTestedCases(report), ...judgedCases(report)], report.startedAt),
    ...(report.alternatives ?? []).map((way) => suite(way, wayCases(way), report.startedAt)),
  ]);
  // The schema that Jenkins publishes has no skipped here.
  const { skipped: _, ...total } = counts(suites.flatMap(({ cases }) => cases));
  const document = element(
    'testsuites',
    { name: 'taciturn check', ...total },
    suites.map(({ xml }) => xml),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${document}\n`;
}

function suite({ url }: TransportCheck, cases: readonly TestCase[], startedAt: string) {
  const attributes = { name: url, timestamp: startedAt.slice(0, '2026-11-23T12:00:00'.length), ...counts(cases) };
  return {
    cases,
    xml: element(
      'testsuite',
      attributes,
      distinct(cases).map((testCase) => caseXml(url, testCase)),
    ),
  };
}

/** Two cases of one name would count as one. */
function distinct(cases: readonly TestCase[]): readonly TestCase[] {
  const counts = new Map<string, number>();
  return cases.map((testCase) => {
    const count = (counts.get(testCase.name) ?? 0) + 1;
    counts.set(testCase.name, count);
    return count === 1 ? testCase : { ...testCase, name: `${testCase.name} (${count})` };
  });
}

function counts(cases: readonly TestCase[]): Readonly<Record<string, number | string>> {
  const count = (outcome: TestCase['outcome']) => cases.filter((testCase) => testCase.outcome === outcome).length;
  const seconds = cases.reduce((sum, testCase) => sum + (testCase.seconds ?? 0), 0);
  return {
    tests: cases.length,
    failures: count('failed'),
    errors: 0,
    skipped: count('skipped'),
    time: seconds.toFixed(3),
  };
}

function caseXml(url: string, { name, seconds = 0, outcome, detail, advice = [] }: TestCase): string {
  // Both systems tell cases apart by class and name alone, whatever suite they are in; and a dot in a class makes packages of it.
  const attributes = { classname: 'taciturn.check', name: `${url}: ${name}`, time: seconds.toFixed(3) };
  const [first] = advice;
  const text = [detail, ...advice.flatMap(({ cause, fix }) => [`cause: ${cause}`, `fix: ${fix}`])].join('\n');
  switch (outcome) {
    case 'passed':
      return element('testcase', attributes, [element('system-out', {}, text)]);
    case 'skipped':
      return element('testcase', attributes, [element('skipped', { message: detail })]);
    case 'failed': {
      const failure = { message: first?.cause ?? detail, type: first?.code ?? 'threshold_broken' };
      return element('testcase', attributes, [element('failure', failure, text)]);
    }
  }
}

function stepCase({ name, passed, elapsedMs, detail, problem, warnings }: Rung): TestCase {
  return {
    name: stepTitle(name),
    seconds: elapsedMs / 1000,
    outcome: passed ? 'passed' : 'failed',
    detail,
    advice: problem ? [problem, ...warnings] : warnings,
  };
}

function notTestedCases({ notTested }: TransportCheck): readonly TestCase[] {
  return notTested.map((name: RungName) => ({
    name: stepTitle(name),
    outcome: 'skipped',
    detail: 'An earlier step failed.',
  }));
}

/** Of a way that nothing is wrong with when it is not there, nothing fails. */
function wayCases(way: TransportCheck): readonly TestCase[] {
  if (way.notOffered !== undefined) {
    return [{ name: 'offered', outcome: 'skipped', detail: `Not offered: ${way.notOffered}.` }];
  }
  return [...way.rungs.map(stepCase), ...notTestedCases(way)];
}

function judgedCases({ thresholds = [], security }: CheckReport): readonly TestCase[] {
  return [...thresholds.map(thresholdCase), ...(security?.findings ?? []).map(findingCase)];
}

function thresholdCase(threshold: ThresholdResult): TestCase {
  return {
    name: `--${threshold.name}`,
    outcome: threshold.kept ? 'passed' : 'failed',
    detail: describeThreshold(threshold),
  };
}

const outcomes = { safe: 'passed', unsafe: 'failed', 'not-tested': 'skipped' } as const;

function findingCase({ subject, state, detail, advice }: SecurityFinding): TestCase {
  const why = state === 'not-tested' && advice ? `${detail}: ${advice.cause}` : detail;
  // One subject has a finding for each target, which stands before the colon.
  const target = /^(.+?): /.exec(detail)?.[1];
  const name = `security, ${subject.replaceAll('-', ' ')}${target === undefined ? '' : ` ${target}`}`;
  return { name, outcome: outcomes[state], detail: why, ...(advice && { advice: [advice] }) };
}
