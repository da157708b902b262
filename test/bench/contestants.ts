/** The servers that are compared, each started as its users start it, with rate limits off and a relay socket for each allocation. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Certificate } from '../interop/certificates.ts';
import { findOnPath, RunningProgram } from '../interop/peers.ts';
import { launcher } from '../interop/taciturn.ts';
import type { Bench } from './run-figure.ts';

export const user = 'bench';
export const password = 'only-the-benchmark-knows-it';

export interface Contestant {
  readonly name: string;
  /** Why it cannot take part here. */
  readonly missing: string | undefined;
  /** The command line, and what its output shows when it serves. */
  readonly start: (surroundings: Surroundings) => { readonly command: readonly string[]; readonly ready: RegExp };
  /** Whether it lets in anybody; else clients authenticate. */
  readonly isOpen?: boolean;
  /** What to put to the load generator's command line for it, and why. */
  readonly special?: { readonly args: readonly string[]; readonly why: string };
}

export interface Surroundings {
  readonly host: string;
  readonly port: number;
  readonly securePort: number;
  readonly certificate: Pick<Certificate, 'certFile' | 'keyFile'>;
  /** A directory of its own. */
  readonly directory: string;
}

/** A contestant that serves. */
export interface RunningServer {
  readonly contestant: Contestant;
  readonly pid: number;
  readonly url: string;
  readonly secureUrl: string;
  stop(): Promise<void>;
}

/** Starts a contestant and waits until it serves. */
export async function startServer(
  contestant: Contestant,
  { network, certificate, cleanup }: Pick<Bench, 'network' | 'certificate' | 'cleanup'>,
): Promise<RunningServer> {
  const { host, prefix } = network.server;
  const [port, securePort] = [await network.freePort(), await network.freePort()];
  const directory = mkdtempSync(join(tmpdir(), 'taciturn-bench-'));
  let running: RunningProgram | undefined;
  const stop = cleanup.add(async () => {
    await running?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    const { command, ready } = contestant.start({ host, port, securePort, certificate, directory });
    const [program, ...rest] = [...prefix, ...command];
    running = new RunningProgram(program!, rest, { cwd: directory });
    await running.waitFor(ready);
  } catch (error) {
    await stop();
    throw error;
  }
  // `ip netns exec` becomes the program that it runs.
  const pid = running.pid!;
  return { contestant, pid, url: `turn:${host}:${port}`, secureUrl: `turns:${host}:${securePort}`, stop };
}

export function taciturn(plane: 'batch' | 'dgram', workers = 1): Contestant {
  return {
    name: `taciturn, ${plane}${workers > 1 ? `, ${workers} threads` : ''}`,
    missing: undefined,
    start({ host, port, securePort, certificate, directory }) {
      const file = join(directory, 'taciturn.yaml');
      writeFileSync(
        file,
        `dataDir: ${directory}/data
listen: { addresses: [${host}], port: ${port} }
tls: { certificateFile: ${certificate.certFile}, keyFile: ${certificate.keyFile}, port: ${securePort} }
http: { enabled: false }
authentication: { users: [{ name: ${user}, password: ${password} }] }
relay: { plane: ${plane}, workers: ${workers}, ipv4: { address: ${host} }, ipv6: { address: none }, peers: { allow: [10.0.0.0/8, 127.0.0.0/8] } }
limits:
  allocations: 20000
  allocationsPerUser: 20000
  perAllocation: { packetsPerSecond: unlimited, bytesPerSecond: unlimited, newPeersPerSecond: unlimited }
  perUser: { packetsPerSecond: unlimited, bytesPerSecond: unlimited }
  unauthenticated: { perAddressPerSecond: unlimited, perNetworkPerSecond: unlimited }
log: { level: error }
`,
      );
      return { command: [process.execPath, launcher, 'serve', '--config', file, '--json'], ready: /^}$/m };
    },
  };
}

export function coturn(threads = 1): Contestant {
  return {
    name: `coturn${threads > 1 ? `, ${threads} threads` : ''}`,
    missing: findOnPath('turnserver') ? undefined : 'coturn is not installed',
    start: ({ host, port, securePort, certificate, directory }) => ({
      command: [
        ...['turnserver', '-n', '--log-file', 'stdout', '--simple-log', '--pidfile', join(directory, 'pid')],
        ...['--userdb', join(directory, 'db'), '--no-cli', '--no-dtls', '--allow-loopback-peers'],
        ...['-p', String(port), '--tls-listening-port', String(securePort), '--listening-ip', host, '--relay-ip', host],
        ...['--cert', certificate.certFile, '--pkey', certificate.keyFile, `--relay-threads=${threads}`],
        ...['-r', 'example.org', '--lt-cred-mech', '-u', `${user}:${password}`],
      ],
      ready: /Total General servers/,
    }),
  };
}

/** One of the relays in JavaScript that npm has, by the script here that runs it. */
export function npmRelay(name: 'turn-server' | 'node-turn'): Contestant {
  const script = fileURLToPath(new URL(`${name}-relay.js`, import.meta.url));
  return {
    name: `npm ${name}`,
    missing: undefined,
    ...(name === 'node-turn' && {
      special: { args: ['--mode', 'send'], why: 'by Send indications, since it drops the ChannelData of clients' },
    }),
    start: ({ host, port }) => ({
      command: [process.execPath, script, host, String(port), user, password],
      ready: /ready/,
    }),
  };
}

/** The calls of the batch plane and nothing else, in C. */
export function bare(): Contestant {
  return {
    name: 'bare C relay',
    missing: findOnPath('cc') ? undefined : 'there is no C compiler',
    isOpen: true,
    start: ({ host, port, directory }) => ({
      command: [compileBareRelay(directory), host, String(port)],
      ready: /ready/,
    }),
  };
}

function compileBareRelay(directory: string): string {
  const source = fileURLToPath(new URL('bare-relay.c', import.meta.url));
  const program = join(directory, 'bare-relay');
  execFileSync('cc', ['-O2', '-o', program, source]);
  return program;
}
