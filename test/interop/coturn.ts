import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { freeUdpPort, RunningProgram } from './peers.ts';

export const coturnUser = { username: 'user', password: 'pass' };

export interface Coturn {
  readonly address: TransportAddress;
  /** `turn:127.0.0.1:PORT` */
  readonly url: string;
  stop(): Promise<void>;
}

export interface CoturnOptions {
  /** Further arguments, after those that this sets. */
  readonly args?: readonly string[];
  /** The address to listen and to relay on. */
  readonly host?: string;
  /** How clients authenticate; the user `user` with the password `pass` when left out. */
  readonly authentication?: readonly string[];
}

/** Starts Debian's coturn over UDP on a free port of a loopback address, with a database of its own. */
export async function startCoturn(options: CoturnOptions = {}): Promise<Coturn> {
  const { args = [], host = '127.0.0.1', authentication = ['--lt-cred-mech', '-u', 'user:pass'] } = options;
  const folder = await mkdtemp(join(tmpdir(), 'taciturn-coturn-'));
  const port = await freeUdpPort(host);
  const program = new RunningProgram(
    'turnserver',
    [
      ...['-n', '-v', '--log-file', 'stdout', '--simple-log'],
      ...['--pidfile', join(folder, 'pid'), '--userdb', join(folder, 'db')],
      ...['--no-cli', '--no-tcp', '--no-tls', '--no-dtls'],
      ...['-p', String(port), '--listening-ip', host, '--relay-ip', host, '-r', 'example.org'],
      ...authentication,
      ...args,
    ],
    { cwd: folder },
  );
  await program.waitFor(/UDP listener opened on: .*[\s\S]*Total General servers/);
  return {
    address: { ip: IpAddress.parse(host)!, port },
    url: `turn:${host.includes(':') ? `[${host}]` : host}:${port}`,
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
