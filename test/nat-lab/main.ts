import type { DiagnoseRun } from './diagnose-run.ts';
import { digest } from './digest.ts';
import { expectedOracles } from './expected-oracles.ts';
import { comparable, expectedReport } from './expected-reports.ts';
import type { Home } from './home.ts';
import { labKinds, pairedKinds } from './lab-kinds.ts';
import { LabRun } from './lab-run.ts';
import { agrees, PairLab } from './pair-lab.ts';

const askedOf = ['own', 'coturn', 'plain'] as const;

/**
 * Runs the lab and prints it as a table: what a diagnosis says of each kind of NAT, whether that is right with each sort of
 * server, and whether other people's programs agree; then which homes connect, and what `pair` says.
 *
 * @returns the exit code: 0 when all was as it ought to be, 1 when something was not.
 */
export async function main(): Promise<number> {
  const wrong = [...(await showDiagnoses()), ...(await showPairs())];
  print(wrong.length === 0 ? 'All as it ought to be.' : `Not as it ought to be: ${wrong.join('; ')}.`);
  return wrong.length === 0 ? 0 : 1;
}

/** @returns what is wrong. */
async function showDiagnoses(): Promise<string[]> {
  const run = await LabRun.start(labKinds);
  const wrong: string[] = [];
  try {
    row(['NAT', 'mapping', 'filtering', 'name', 'relay', 'own', 'coturn', 'plain', 'natdisc.', 'stun', 's']);
    await inOrder(
      run.homes.map((home) => () => examine(run, home)),
      ({ cells, mistakes }) => {
        row(cells);
        wrong.push(...mistakes);
      },
    );
  } finally {
    await run.stop();
  }
  return wrong;
}

async function examine(run: LabRun, home: Home): Promise<{ cells: readonly string[]; mistakes: readonly string[] }> {
  const { name } = home.kind;
  const [oracles, ...runs] = await Promise.all([
    run.askOracles(home),
    ...askedOf.map((asked) => run.diagnose(home, asked)),
  ]);
  const mistakes: string[] = [];
  const verdicts = askedOf.map((asked, n) => {
    const isRight = isAsExpected(run, home, asked, runs[n]!);
    if (!isRight) mistakes.push(`${name} (${asked})`);
    return isRight ? 'right' : 'WRONG';
  });
  const expected = expectedOracles(home);
  const says = (isSo: boolean) => (isSo ? 'agrees' : 'differs');
  const { diagnosis } = runs[0]!;
  const { ipv4 } = digest(diagnosis);
  const behavior = ipv4.udp === 'works' && 'mapping' in ipv4 ? [ipv4.mapping, ipv4.filtering] : [`UDP ${ipv4.udp}`, ''];
  const { natDiscovery, stunClient } = oracles;
  const cells = [
    name,
    ...behavior.map(abbreviate),
    diagnosis.ipv4.classicName ?? '',
    diagnosis.verdict.relay,
    ...verdicts,
    // Where nothing gets through it has no answer, and ought to have none.
    ipv4.udp === 'works' || natDiscovery.mapping !== undefined
      ? says(natDiscovery.mapping === home.kind.mapping && natDiscovery.filtering === home.kind.filtering)
      : 'silent',
    says(stunClient.includes(expected.stunClient)),
    (diagnosis.elapsedMs / 1000).toFixed(1),
  ];
  return { cells, mistakes };
}

function isAsExpected(run: LabRun, home: Home, asked: (typeof askedOf)[number], { diagnosis, exitCode }: DiagnoseRun) {
  const expected = expectedReport(home, asked, run.servers);
  const report = comparable(digest(diagnosis), home);
  return exitCode === expected.exitCode && sorted(report) === sorted(comparable(expected.report, home));
}

/** @returns the pairs of which the verdict is wrong. */
async function showPairs(): Promise<string[]> {
  const lab = await PairLab.start(pairedKinds);
  try {
    const pairs = await lab.connectAll();
    print('\nPairs: what came of connections (D direct, ? sometimes, - none); ! where pair says otherwise');
    const letters = { direct: 'D', sometimes: '?', none: '-' } as const;
    for (const [n, { name }] of pairedKinds.entries()) {
      const cells = pairedKinds.slice(0, n + 1).map((other) => {
        const compared = pairs.find(({ a, b }) => a === other.name && b === name)!;
        return letters[compared.truth] + (agrees(compared) ? ' ' : '!');
      });
      print(`${name.padEnd(42)} ${cells.join(' ')}`);
    }
    return pairs
      .filter((one) => !agrees(one))
      .map(({ a, b, verdict, truth }) => `${a} and ${b}: ${verdict}, not ${truth}`);
  } finally {
    await lab.stop();
  }
}

/** Does all side by side and tells of each when those before it are done. */
async function inOrder<T>(actions: readonly (() => Promise<T>)[], tell: (result: T) => void): Promise<void> {
  const under = actions.map((action) => action());
  for (const one of under) one.catch(() => {});
  for (const one of under) tell(await one);
}

const widths = [42, 8, 9, 21, 11, 6, 7, 6, 9, 8, 5];

function row(cells: readonly string[]): void {
  print(cells.map((cell, n) => cell.padEnd(widths[n]!)).join(' '));
}

/** The words of RFC 4787 by their initials. */
function abbreviate(behavior: string): string {
  const short = new Map([
    ['endpoint-independent', 'EI'],
    ['address-dependent', 'AD'],
    ['address-and-port-dependent', 'APD'],
  ]);
  return short.get(behavior) ?? behavior;
}

function print(line: string): void {
  process.stdout.write(`${line.trimEnd()}\n`);
}

/** As JSON in which the order of keys makes no difference. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
