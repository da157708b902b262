import { CertificateAuthority } from '../interop/certificates.ts';
import { startCoturn } from '../interop/coturn.ts';
import { RunningProgram } from '../interop/peers.ts';
import { Taciturn } from '../interop/taciturn.ts';
import type { Home } from './home.ts';
import { blockingKinds } from './nat-kinds.ts';
import { NatLab } from './nat-lab.ts';

const [own, theirs] = NatLab.servers;

/** Which servers a diagnosis asks. */
export type Asked = 'own' | 'coturn' | 'plain';

interface Stoppable {
  stop(): Promise<void>;
}

/** What runs on the internet of the lab: our own daemon, coturn, and servers that do not know of NAT discovery. */
export class LabServers {
  readonly #own = `${own.ipv4[0]}:3478`;
  readonly #own6 = `[${own.ipv6[0]}]:3478`;
  readonly #coturn = `${theirs.ipv4[0]}:3478`;
  /** Three addresses, and another port of the first. */
  readonly #plain = [...NatLab.plainServers.map((address) => `${address}:3478`), `${NatLab.plainServers[0]}:3479`];
  readonly #authority: CertificateAuthority;
  readonly #programs: Stoppable[];

  private constructor(authority: CertificateAuthority, programs: readonly Stoppable[]) {
    this.#authority = authority;
    this.#programs = [...programs];
  }

  static async start({ internet }: NatLab): Promise<LabServers> {
    const authority = new CertificateAuthority();
    const names = [...own.ipv4, ...own.ipv6, ...theirs.ipv4].map((address) => `IP:${address}`);
    const certificate = authority.issue({ names });
    const tls = { certificateFile: certificate.certFile, keyFile: certificate.keyFile };
    const prefix = (...settings: readonly string[]) => [...internet.prefix, 'env', ...settings];
    const discovery = { ipv4: own.ipv4, ipv6: own.ipv6, alternatePort: 3479, rfc3489: true };
    const daemon = Taciturn.start(`natDiscovery: ${JSON.stringify(discovery)}\ntls: ${JSON.stringify(tls)}`, {
      listen: [...own.ipv4, ...own.ipv6],
      prefix: prefix('TACITURN_LISTEN__PORT=3478', 'TACITURN_LISTEN__EXTRA_PORTS=443'),
    });
    const plain = Taciturn.start('', { listen: NatLab.plainServers, prefix: prefix('TACITURN_LISTEN__PORT=3478') });
    const otherPort = Taciturn.start('', {
      listen: [NatLab.plainServers[0]],
      prefix: prefix('TACITURN_LISTEN__PORT=3479'),
    });
    const coturn = startCoturn({
      namespace: internet,
      host: theirs.ipv4[0],
      args: ['-L', theirs.ipv4[1]],
      streams: { certificate },
    });
    const starts = await Promise.allSettled([daemon, plain, otherPort, coturn]);
    const servers = new LabServers(
      authority,
      starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : [])),
    );
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) return servers;
    await servers.stop();
    throw failed.reason;
  }

  /** Which a diagnosis is given, as `--server` takes them. */
  chosen({ kind }: Home, asked: Asked): readonly string[] {
    if (asked === 'plain') return this.#plain;
    if (asked === 'coturn') return [this.#coturn];
    // It takes a second server to tell that UDP is blocked from one that is off.
    if (blockingKinds.includes(kind)) return [this.#own, this.#coturn];
    return kind.ipv6 ? [this.#own, this.#own6] : [this.#own];
  }

  /** Of the authority that has signed the certificate of our own daemon. */
  get caFile(): string {
    return this.#authority.caFile;
  }

  /** Lets the router of a home tell its outer address, if its kind does. */
  async startRouter({ kind, nat, wanAddress }: Home): Promise<void> {
    if (!kind.natPmp) return;
    const program = new URL('nat-pmp-router.js', import.meta.url).pathname;
    const [command, ...args] = [...nat.prefix, process.execPath, program, wanAddress];
    const router = new RunningProgram(command!, args);
    this.#programs.push(router);
    await router.waitFor(/ready/);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
    this.#authority.remove();
  }
}
