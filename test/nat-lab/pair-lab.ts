import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PairVerdict } from '../../src/nat/verdict/pair.ts';
import { taciturn } from '../interop/taciturn.ts';
import { AtOnce } from './at-once.ts';
import { connect, type Outcome } from './hole-punching.ts';
import type { Home } from './home.ts';
import { LabRun } from './lab-run.ts';
import type { NatKind } from './nat-kinds.ts';
import { Puncher } from './puncher.ts';

/** Two kinds of NAT: what `taciturn pair` says of two reports, and what became of connections. */
export interface ComparedPair {
  readonly a: string;
  readonly b: string;
  readonly verdict: PairVerdict['result'];
  readonly exitCode: number | null;
  readonly truth: Outcome;
}

/** Whether a verdict is right. What comes through only sometimes needs a relay; to be uncertain is not wrong. */
export function agrees({ verdict, exitCode, truth }: ComparedPair): boolean {
  const exitCodes = { direct: 0, relay: 1, uncertain: 3 };
  if (exitCode !== exitCodes[verdict]) return false;
  return verdict === 'uncertain' || (verdict === 'direct') === (truth === 'direct');
}

/** Two homes of each kind, each with a saved report and a program that connects to others. */
export class PairLab {
  readonly #run: LabRun;
  readonly #kinds: readonly NatKind[];
  readonly #punchers = new Map<Home, Puncher>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'taciturn-pairs-'));
  readonly #atOnce = new AtOnce(4);

  private constructor(run: LabRun, kinds: readonly NatKind[]) {
    this.#run = run;
    this.#kinds = kinds;
  }

  static async start(kinds: readonly NatKind[]): Promise<PairLab> {
    return new PairLab(await LabRun.start([...kinds, ...kinds]), kinds);
  }

  /** Every kind with every other and with itself. */
  async connectAll(): Promise<ComparedPair[]> {
    const { homes } = this.#run;
    const reports = new Map<Home, string>();
    await Promise.all(
      homes.map(async (home, n) => {
        const file = join(this.#directory, `${n}.json`);
        writeFileSync(file, (await this.#run.diagnose(home)).text);
        reports.set(home, file);
      }),
    );
    for (const home of homes) this.#punchers.set(home, new Puncher(home));
    const pairs = this.#kinds.flatMap((_, n) =>
      this.#kinds.slice(n).map((_, m) => [homes[n]!, homes[this.#kinds.length + n + m]!] as const),
    );
    return Promise.all(
      pairs.map(async ([a, b]) => {
        const truth = await connect(this.#punchers.get(a)!, this.#punchers.get(b)!);
        const files = [reports.get(a)!, reports.get(b)!];
        const { code, stdout } = await this.#atOnce.run(() => taciturn(['pair', ...files, '--json']));
        const { result } = JSON.parse(stdout) as PairVerdict;
        return { a: a.kind.name, b: b.kind.name, verdict: result, exitCode: code, truth };
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#punchers.values()].map((puncher) => puncher.stop()));
    await this.#run.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
