/** What there is to run in the lab, for the tests and for the table. */
import { AtOnce } from './at-once.ts';
import { type DiagnoseRun, diagnose } from './diagnose-run.ts';
import type { Home } from './home.ts';
import { type Asked, LabServers } from './lab-servers.ts';
import type { NatKind } from './nat-kinds.ts';
import { NatLab } from './nat-lab.ts';
import { askNatDiscovery, askProbe, askStunClient, type NatVerdict } from './oracles.ts';

/** How many programs are started side by side; each is busy at its start and waits after that. */
const AT_ONCE = 6;

export interface OracleAnswers {
  readonly natDiscovery: NatVerdict;
  readonly stunClient: string;
  readonly probe: Pick<NatVerdict, 'mapping' | 'filtering'>;
}

/** A lab with a home of each kind, and with servers. */
export class LabRun {
  readonly lab: NatLab;
  readonly homes: readonly Home[];
  readonly servers: LabServers;
  readonly #atOnce = new AtOnce(AT_ONCE);

  private constructor(lab: NatLab, homes: readonly Home[], servers: LabServers) {
    this.lab = lab;
    this.homes = homes;
    this.servers = servers;
  }

  static async start(kinds: readonly NatKind[]): Promise<LabRun> {
    const lab = new NatLab();
    let servers: LabServers | undefined;
    try {
      const homes = kinds.map((kind) => lab.addHome(kind));
      servers = await LabServers.start(lab);
      for (const home of homes) await servers.startRouter(home);
      return new LabRun(lab, homes, servers);
    } catch (error) {
      await servers?.stop();
      lab.remove();
      throw error;
    }
  }

  /** Runs the command in a home. */
  diagnose(home: Home, asked: Asked = 'own'): Promise<DiagnoseRun> {
    const servers = this.servers.chosen(home, asked);
    const options = asked === 'own' ? home.kind.diagnoseOptions : [];
    return this.#atOnce.run(() => diagnose(home, servers, this.servers.caFile, options));
  }

  /** Asks other people's programs, and one of our own that shares nothing with the diagnosis. */
  async askOracles({ client }: Home): Promise<OracleAnswers> {
    const { ipv4 } = NatLab.servers[0];
    const [natDiscovery, stunClient, probe] = await Promise.all([
      this.#atOnce.run(() => askNatDiscovery(client, ipv4[0], 3478)),
      this.#atOnce.run(() => askStunClient(client, ipv4[0], 3478, 20_000)),
      this.#atOnce.run(() => askProbe(client, ipv4, [3478, 3479])),
    ]);
    return { natDiscovery, stunClient, probe };
  }

  async stop(): Promise<void> {
    await this.servers.stop();
    this.lab.remove();
  }
}
