import type { BenchReport } from '../../src/bench/run-bench.ts';
import { RunningProgram } from '../interop/peers.ts';
import { launcher } from '../interop/taciturn.ts';
import type { BenchNetwork } from './bench-network.ts';
import type { Cleanup } from './cleanup.ts';
import { type Contestant, password, type RunningServer, type Surroundings, startServer, user } from './contestants.ts';
import type { Figure, FigureTable } from './figures.ts';
import type { Samples } from './results.ts';
import type { ServiceFigure } from './service-figures.ts';

/** What running figures takes. */
export interface Bench {
  readonly network: BenchNetwork;
  readonly certificate: Surroundings['certificate'];
  /** The authority of the certificate. */
  readonly caFile: string;
  readonly cleanup: Cleanup;
  /** Says what is going on. */
  readonly say: (what: string) => void;
}

export interface FigureResult {
  readonly samples: Samples;
  /** What went wrong, or why a contestant does not take part. */
  readonly notes: readonly string[];
  /** How it was measured: the command line as it was used, or a few words. Markdown. */
  readonly how: string;
}

/** Measures a figure: in each round every contestant in turn. */
export function runFigure(figure: Figure | ServiceFigure, rounds: number, bench: Bench): Promise<FigureResult> {
  return 'measure' in figure ? runServiceFigure(figure, rounds, bench) : runRelayFigure(figure, rounds, bench);
}

async function runServiceFigure(figure: ServiceFigure, rounds: number, bench: Bench): Promise<FigureResult> {
  const notes = new Set<string>();
  const samples = await inRounds(figure, figure.contestants, rounds, bench, notes, (filling) =>
    figure.measure(filling, bench.cleanup),
  );
  return { samples, notes: [...notes], how: figure.how };
}

async function runRelayFigure(figure: Figure, rounds: number, bench: Bench): Promise<FigureResult> {
  const notes = new Set<string>();
  const contestants = figure.contestants.filter(({ name, missing }) => {
    if (missing !== undefined) notes.add(`${name}: not measured, since ${missing}`);
    return missing === undefined;
  });
  for (const { name, special } of contestants) if (special) notes.add(`${name}: ${special.why}`);
  const command = await commandOf(figure, bench);
  const samples = await inRounds(figure, contestants, rounds, bench, notes, async (contestant) =>
    figure.read(await measure(contestant, command, figure.isSecure === true, bench)),
  );
  const how = `\`taciturn bench ${figure.isSecure ? 'turns:' : 'turn:'}SERVER ${command}\``;
  return { samples, notes: [...notes], how };
}

async function inRounds<T extends { readonly name: string }>(
  { name: figure }: FigureTable,
  contestants: readonly T[],
  rounds: number,
  { cleanup, say }: Bench,
  notes: Set<string>,
  measureOne: (contestant: T) => Promise<Readonly<Record<string, number>>>,
): Promise<Samples> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as Record<string, number>[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of contestants) {
      const { name } = contestant;
      try {
        const metrics = await measureOne(contestant);
        samples.get(name)!.push({ ...metrics });
        say(`${figure} ${round}/${rounds}  ${name}: ${describe(metrics)}`);
      } catch (error) {
        if (cleanup.hasEnded) throw error;
        const { message } = error as Error;
        const [why] = message.trim().split('\n');
        notes.add(`${name}: ${why}`);
        say(`${figure} ${round}/${rounds}  ${name}: ${message}`);
      }
    }
  }
  return samples;
}

async function commandOf({ command, halfMaximumOf }: Figure, bench: Bench): Promise<string> {
  if (halfMaximumOf === undefined || halfMaximumOf.missing !== undefined) return command;
  const report = await measure(halfMaximumOf, '--clients 8 --find-maximum', false, bench);
  const most = report.kind === 'maximum' ? report.packetsPerSecond : 0;
  return command.replace('RATE', String(Math.max(1, Math.round(most / 2))));
}

/** Starts a contestant, puts it under load, and stops it. */
async function measure(contestant: Contestant, command: string, isSecure: boolean, bench: Bench): Promise<BenchReport> {
  const server = await startServer(contestant, bench);
  try {
    return await putUnderLoad(server, command, isSecure, bench);
  } finally {
    await server.stop();
  }
}

async function putUnderLoad(
  { contestant, pid, url, secureUrl }: RunningServer,
  command: string,
  isSecure: boolean,
  { network, caFile, cleanup }: Bench,
): Promise<BenchReport> {
  const { client, peer } = network;
  const peerCommand = [...peer.prefix, process.execPath, launcher, 'bench', 'peer', '--host', peer.host];
  const [program, ...args] = [
    ...[...client.prefix, process.execPath, launcher, 'bench', isSecure ? secureUrl : url],
    ...[...command.split(' '), '--pid', String(pid), '--json', '--peer-command', peerCommand.join(' ')],
    ...(isSecure ? ['--ca', caFile] : []),
    ...(contestant.isOpen ? [] : ['--username', user]),
    ...(contestant.special?.args ?? []),
  ];
  let running: RunningProgram | undefined;
  const stop = cleanup.add(() => running?.stop());
  try {
    running = new RunningProgram(program!, args, { env: { ...process.env, TACITURN_PASSWORD: password } });
    await running.exited;
  } finally {
    await stop();
  }
  const document = JSON.parse(running.stdout || '{}') as BenchReport & {
    readonly error?: { readonly message: string };
  };
  if (document.error) throw new Error(document.error.message);
  if (document.kind === undefined) throw new Error(`taciturn bench ended without a report: ${running.stderr}`);
  return document;
}

function describe(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(', ');
}
