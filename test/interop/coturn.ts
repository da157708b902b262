import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import type { Certificate } from './certificates.ts';
import type { NetworkNamespace } from './network-namespaces.ts';
import { freeUdpPort, RunningProgram } from './peers.ts';

export const coturnUser = { username: 'user', password: 'pass' };

export interface Coturn {
  readonly address: TransportAddress;
  /** `turn:127.0.0.1:PORT` */
  readonly url: string;
  /** `turns:127.0.0.1:PORT`, where a certificate was given; coturn speaks TLS on the other port as well. */
  readonly secureUrl: string;
  readonly securePort: number;
  stop(): Promise<void>;
}

export interface CoturnOptions {
  /** Listens on TCP too, and with a certificate also for TLS; UDP alone when left out. */
  readonly streams?: { readonly certificate?: Pick<Certificate, 'certFile' | 'keyFile'> };
  /** Further arguments, after those that this sets. */
  readonly args?: readonly string[];
  /** The address to listen and to relay on. */
  readonly host?: string;
  /** Runs in this namespace, on coturn's own ports: nobody else uses any there. */
  readonly namespace?: NetworkNamespace;
  /** How clients authenticate; the user `user` with the password `pass` when left out. */
  readonly authentication?: readonly string[];
}

/** Starts Debian's coturn on a free port of a loopback address, with a database of its own. */
export async function startCoturn(options: CoturnOptions = {}): Promise<Coturn> {
  const { args = [], host = '127.0.0.1', authentication = ['--lt-cred-mech', '-u', 'user:pass'], namespace } = options;
  const folder = await mkdtemp(join(tmpdir(), 'taciturn-coturn-'));
  const port = namespace ? 3478 : await freeUdpPort(host);
  const securePort = namespace ? 5349 : await freeUdpPort(host);
  const { certificate } = options.streams ?? {};
  const [command, ...prefixed] = [...(namespace?.prefix ?? []), 'turnserver'];
  const program = new RunningProgram(
    command!,
    [
      ...prefixed,
      ...['-n', '-v', '--log-file', 'stdout', '--simple-log'],
      ...['--pidfile', join(folder, 'pid'), '--userdb', join(folder, 'db')],
      ...['--no-cli', '--no-dtls', '--tls-listening-port', String(securePort)],
      ...(options.streams ? [] : ['--no-tcp']),
      ...(certificate ? ['--cert', certificate.certFile, '--pkey', certificate.keyFile] : ['--no-tls']),
      ...['-p', String(port), '--listening-ip', host, '--relay-ip', host, '-r', 'example.org'],
      ...authentication,
      ...args,
    ],
    { cwd: folder },
  );
  const authority = host.includes(':') ? `[${host}]` : host;
  await program.waitFor(/UDP listener opened on: .*[\s\S]*Total General servers/);
  return {
    address: { ip: IpAddress.parse(host)!, port },
    url: `turn:${authority}:${port}`,
    secureUrl: `turns:${authority}:${securePort}`,
    securePort,
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
