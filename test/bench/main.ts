import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CertificateAuthority } from '../interop/certificates.ts';
import { benchNetwork } from './bench-network.ts';
import { circumstances } from './circumstances.ts';
import { Cleanup } from './cleanup.ts';
import { benchmarkDocument, goalRows, type MeasuredFigure, replaceServiceSection, section } from './document.ts';
import { type Figure, figures } from './figures.ts';
import { type Bench, runFigure } from './run-figure.ts';
import { type ServiceFigure, serviceFigures } from './service-figures.ts';

const DEFAULT_ROUNDS = 5;
const documentFile = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const allFigures: readonly (Figure | ServiceFigure)[] = [...figures, ...serviceFigures];
const usage = `Usage: npm run bench -- [--service] [--only NAME]… [--rounds N] [--quick]

Measures this server and the others that are installed against each other, then the credential service, and writes
docs/benchmarks.md. With --service it measures the credential service alone, and writes nothing but its section.
With --only or --quick (one round) it only prints what it measured.

Figures of the relay: ${figures.map(({ name }) => name).join(', ')}
Of the credential service: ${serviceFigures.map(({ name }) => name).join(', ')}
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
  readonly chosen: readonly (Figure | ServiceFigure)[];
  readonly rounds: number;
  readonly writes: 'document' | 'service section' | 'nothing';
}

function parseWishes(args: readonly string[]): Wishes | undefined {
  const options = {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    quick: { type: 'boolean' },
    service: { type: 'boolean' },
  } as const;
  try {
    const { only = [], rounds, quick = false, service = false } = parseArgs({ args: [...args], options }).values;
    const candidates = service ? serviceFigures : allFigures;
    const chosen = only.length === 0 ? candidates : candidates.filter(({ name }) => only.includes(name));
    const count = rounds === undefined ? (quick ? 1 : DEFAULT_ROUNDS) : Number(rounds);
    if (!only.every((name) => candidates.some((figure) => figure.name === name))) return undefined;
    if (!Number.isInteger(count) || count < 1) return undefined;
    const prints = only.length > 0 || quick;
    return { chosen, rounds: count, writes: prints ? 'nothing' : service ? 'service section' : 'document' };
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
  if (writes === 'nothing') return;
  const isService = ({ figure }: MeasuredFigure) => serviceFigures.some(({ name }) => name === figure.name);
  const service = measured.filter(isService);
  const relay = measured.filter((one) => !isService(one));
  const text =
    writes === 'document'
      ? benchmarkDocument(where, { relay, service })
      : replaceServiceSection(readFileSync(documentFile, 'utf8'), where, service);
  writeFileSync(documentFile, text);
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
