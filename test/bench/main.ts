import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CertificateAuthority } from '../interop/certificates.ts';
import { benchNetwork } from './bench-network.ts';
import { circumstances } from './circumstances.ts';
import { Cleanup } from './cleanup.ts';
import { benchmarkDocument, goalRows, type MeasuredFigure, section } from './document.ts';
import { type Figure, figures } from './figures.ts';
import { type Bench, runFigure } from './run-figure.ts';

const DEFAULT_ROUNDS = 5;
const documentFile = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const usage = `Usage: npm run bench -- [--only NAME]… [--rounds N] [--quick]

Measures this server and the others that are installed against each other, and writes docs/benchmarks.md.
With --only or --quick (one round) it only prints what it measured.

Figures: ${figures.map(({ name }) => name).join(', ')}
`;

/** @returns the exit code: 0 when everything was measured, whatever came of it; 64 for wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  const wishes = parseWishes(args);
  if (wishes === undefined) {
    process.stderr.write(usage);
    return 64;
  }
  const cleanup = new Cleanup();
  endOnSignal(cleanup);
  try {
    await measureAll(wishes, cleanup);
    return 0;
  } finally {
    await cleanup.run();
  }
}

interface Wishes {
  readonly chosen: readonly Figure[];
  readonly rounds: number;
  readonly writes: boolean;
}

function parseWishes(args: readonly string[]): Wishes | undefined {
  const options = {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    quick: { type: 'boolean' },
  } as const;
  try {
    const { only = [], rounds, quick = false } = parseArgs({ args: [...args], options }).values;
    const chosen = only.length === 0 ? figures : figures.filter(({ name }) => only.includes(name));
    const count = rounds === undefined ? (quick ? 1 : DEFAULT_ROUNDS) : Number(rounds);
    if (!only.every((name) => figures.some((figure) => figure.name === name))) return undefined;
    if (!Number.isInteger(count) || count < 1) return undefined;
    return { chosen, rounds: count, writes: only.length === 0 && !quick };
  } catch {
    return undefined;
  }
}

async function measureAll({ chosen, rounds, writes }: Wishes, cleanup: Cleanup): Promise<void> {
  const network = benchNetwork();
  cleanup.add(() => network.remove());
  const authority = new CertificateAuthority();
  cleanup.add(() => authority.remove());
  const bench: Bench = {
    network,
    certificate: authority.issue({ names: [`IP:${network.server.host}`] }),
    caFile: authority.caFile,
    cleanup,
    say: (what) => process.stderr.write(`${what}\n`),
  };
  const where = circumstances(network.description, rounds);
  const measured: MeasuredFigure[] = [];
  for (const figure of chosen) {
    const result = { figure, ...(await runFigure(figure, rounds, bench)) };
    measured.push(result);
    process.stdout.write(
      `${section(result)}\n\n${goalRows(result)
        .map((row) => row.join(' · '))
        .join('\n')}\n\n`,
    );
  }
  if (!writes) return;
  writeFileSync(documentFile, benchmarkDocument(where, measured));
  process.stderr.write(`${documentFile} is written.\n`);
}

/** Leaves nothing running and no namespace behind, however it ends. */
function endOnSignal(cleanup: Cleanup): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, async () => {
      await cleanup.run();
      process.exit(1);
    });
  }
}
