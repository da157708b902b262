import { Option } from 'commander';
import { type BenchPlan, type BenchReport, type BenchTask, runBench } from '../bench/run-bench.ts';
import { STAMP_LENGTH } from '../bench/stamp.ts';
import type { PeerPlace } from '../bench/station.ts';
import { toText } from '../bench/text-address.ts';
import { resolveHost } from '../client/host-resolution.ts';
import { type IceUrl, isSecure, isStunOnly, parseIceUrl } from '../client/ice-url.ts';
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import { resolveServer } from '../client/server-resolution.ts';
import { systemDns } from '../client/system-dns.ts';
import { openUdpSocket } from '../client/udp-socket.ts';
import { parseDurationMilliseconds } from '../config/quantity.ts';
import { resolveStep } from '../ladder/resolution.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { registerBenchPeer } from './bench-peer.ts';
import { type CredentialOptions, credentialFromSecret, givenCredentials } from './check-credentials.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure, wrongUsage } from './command-failure.ts';
import { renderBench, renderBenchJson } from './render-bench.ts';
import { StatusLine } from './status-line.ts';
import { trustedCertificates } from './trusted-certificates.ts';
import { wholeNumber } from './whole-number.ts';

interface BenchOptions extends CredentialOptions {
  readonly clients: number;
  readonly size: number;
  readonly rate: number;
  readonly flood?: boolean;
  readonly findMaximum?: boolean;
  readonly idle?: number;
  readonly allocations?: boolean;
  readonly inFlight: number;
  readonly mode: BenchPlan['mode'];
  readonly direction: BenchPlan['direction'];
  readonly burst: number;
  readonly latency?: boolean;
  readonly duration?: string;
  readonly warmup: string;
  readonly pid?: number;
  readonly peerHost?: string;
  readonly peerCommand?: string;
  readonly ca?: string;
  readonly json?: boolean;
}

const million = 1_000_000;
/** Larger ones would not fit the frames of most networks with the headers in front. */
const LARGEST_PAYLOAD = 1400;
/** A test takes shorter than this, and a renewed allocation must not meet an expired credential. */
const CREDENTIAL_SECONDS = 86_400;

const examples = `
Examples:
  $ taciturn bench turn:192.0.2.1 --secret-file secret
  $ taciturn bench turn:127.0.0.1 --secret-file secret --clients 8 --rate 30000 --pid "$(pgrep turnserver)"
  $ taciturn bench 'turn:192.0.2.1?transport=tcp' --username alice --password-file - --direction echo --latency
  $ taciturn bench turn:127.0.0.1 --secret-file secret --find-maximum --json
  $ taciturn bench turn:127.0.0.1 --secret-file secret --idle 10000 --pid 4711
  $ taciturn bench turn:127.0.0.1 --secret-file secret --allocations --duration 10s
  $ taciturn bench turn:192.0.2.1 --secret-file secret --peer-command 'ssh peer taciturn bench peer --host 192.0.2.2'

The relay must be allowed to reach the peer; servers deny loopback and private addresses by default. With a shared secret
each client has a user of its own, unless --username names one. Packets leave in the order client 0, 1, 2, …, on an even
schedule, some each 0.2 ms. Put load only on servers that are yours.

Exit status: 0 measured, 1 not, 64 wrong usage.`;

/** `taciturn bench` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('bench')
    .description('Put a TURN server under load: packets a second, loss, latency, processor time per packet')
    .argument('<URL>', 'turn:HOST[:PORT][?transport=tcp] or turns:HOST[:PORT]')
    .option('--clients <N>', 'clients, each with an allocation of its own', wholeNumber('--clients', 1, 60_000), 8)
    .option('--size <BYTES>', 'bytes of data in each packet', wholeNumber('--size', STAMP_LENGTH, LARGEST_PAYLOAD), 160)
    .option('--rate <N>', 'packets a second, all clients together', wholeNumber('--rate', 1, 10 * million), 1000)
    .option('--flood', 'as many packets as can be sent')
    .option('--find-maximum', 'search for the highest rate at which at most 0.1 % is lost')
    .addOption(
      new Option('--mode <MODE>', 'ChannelData, or Send and Data indications')
        .choices(['channel', 'send'])
        .default('channel'),
    )
    .addOption(
      new Option('--direction <WAY>', 'who sends; an echo goes there and back')
        .choices(['to-peer', 'to-client', 'echo'])
        .default('to-peer'),
    )
    .option('--burst <N>', 'packets of one client in a row', wholeNumber('--burst', 1, 64), 1)
    .option('--latency', 'measure what the relay adds to the latency, against the path from client to peer without it')
    .option(
      '--idle <N>',
      'only hold so many allocations, and with --pid tell what memory each costs',
      wholeNumber('--idle', 1, 60_000),
    )
    .option('--allocations', 'only make allocations and give them back, and tell how many a second')
    .option(
      '--in-flight <N>',
      'clients on their way at a time with --allocations',
      wholeNumber('--in-flight', 1, 1000),
      64,
    )
    .option('--duration <TIME>', 'how long to measure (default: 10s; with --find-maximum 800ms for each rate)')
    .option('--warmup <TIME>', 'how long to send before that', '1s')
    .option(
      '--pid <PID>',
      "the server's process on this machine, to tell its processor time",
      wholeNumber('--pid', 1, 2 ** 22),
    )
    .option(
      '--peer-host <ADDRESS>',
      'the address of this machine where the peer is (default: the one the clients send from)',
    )
    .option(
      '--peer-command <COMMAND>',
      'starts the peer elsewhere: a command line that ends in taciturn bench peer --host …',
    )
    .option('--username <NAME>', 'the user of a password, or the one user of all clients')
    .option('--password-file <FILE>', 'read the password from a file, or from stdin with -')
    .option('--secret-file <FILE>', 'read the shared secret from a file, or from stdin with -')
    .option('--ca <FILE>', 'trust the certificates in this file, and not the public authorities')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action(async (url: string, options: BenchOptions) => {
      const plan = await benchPlan(url, options, context);
      const report = await run(plan, context);
      if (options.json === true) renderBenchJson(url, plan, report, context);
      else renderBench(url, plan, report, context);
      context.complete(ExitCode.success);
    });
  registerBenchPeer(command, context);
};

async function benchPlan(text: string, options: BenchOptions, context: CommandContext): Promise<BenchPlan> {
  const url = parseIceUrl(text);
  if (!url.ok) throw wrongUsage(`${text} is no TURN URL: ${url.error.reason}.`);
  if (isStunOnly(url.value)) throw wrongUsage(`${text}: STUN alone relays nothing; give a turn: or turns: URL.`);
  if (isSecure(url.value) && url.value.transport === 'udp') {
    throw wrongUsage(`${text}: turns: over UDP is DTLS, which this does not speak.`);
  }
  const task = taskOf(options);
  const durations = {
    warmupMs: duration('--warmup', options.warmup),
    durationMs: duration('--duration', options.duration ?? (options.findMaximum ? '800ms' : '10s')),
  };
  const clients = options.idle ?? options.clients;
  const trusted = options.ca === undefined ? undefined : trustedCertificates(options.ca, context);
  const peer = peerPlace(options);
  const credentials = await clientCredentials(
    options,
    task.kind === 'allocations' ? options.inFlight : clients,
    context,
  );
  const server = await serverAddress(url.value);
  const localHost = await ownAddress(server);
  const { mode, direction, size, burst, pid } = options;
  return {
    ...{ task, ...durations, clients, credentials, mode, direction, size, burst, pid, trusted, localHost },
    prompt: options.latency === true,
    server: toText(server),
    serverName: url.value.host,
    transport: isSecure(url.value) ? 'tls' : url.value.transport,
    peer: peer ?? { kind: 'here', host: localHost },
  };
}

function taskOf({ rate, flood, findMaximum, idle, allocations, inFlight, latency }: BenchOptions): BenchTask {
  const chosen = [
    flood && '--flood',
    findMaximum && '--find-maximum',
    idle && '--idle',
    allocations && '--allocations',
  ];
  const names = chosen.filter((name) => typeof name === 'string');
  if (names.length > 1) throw wrongUsage(`${names.join(' and ')} exclude each other.`);
  if (latency && names.length > 0) throw wrongUsage(`--latency is measured at a --rate, not with ${names[0]}.`);
  if (findMaximum) return { kind: 'maximum' };
  if (idle !== undefined) return { kind: 'idle' };
  if (allocations) return { kind: 'allocations', inFlight };
  return { kind: 'load', packetsPerSecond: flood ? undefined : rate };
}

function duration(flag: string, text: string): number {
  const milliseconds = parseDurationMilliseconds(text);
  if (milliseconds === undefined || (milliseconds === 0 && flag === '--duration')) {
    throw wrongUsage(`${flag} ${text} is no duration; write it as 500ms, 10s or 5m.`);
  }
  return milliseconds;
}

function peerPlace({ peerHost, peerCommand }: BenchOptions): PeerPlace | undefined {
  if (peerHost !== undefined && peerCommand !== undefined) {
    throw wrongUsage('--peer-host and --peer-command exclude each other: the command says where the peer is.');
  }
  if (peerCommand !== undefined) return { kind: 'command', command: peerCommand };
  if (peerHost === undefined) return undefined;
  if (IpAddress.parse(peerHost) === undefined) throw wrongUsage(`--peer-host ${peerHost} is no IP address.`);
  return { kind: 'here', host: peerHost };
}

/** One credential for each client, or one for all; none when none are given. */
async function clientCredentials(
  options: CredentialOptions,
  clients: number,
  context: CommandContext,
): Promise<readonly LongTermCredentials[]> {
  const given = await givenCredentials(options, context);
  if (given === undefined) return [];
  if (given.source === 'password') return [given];
  const users = given.user === undefined ? Array.from({ length: clients }, (_, i) => `bench-${i}`) : [given.user];
  return users.map((user) => credentialFromSecret(given.secret, user, CREDENTIAL_SECONDS, context));
}

/** Where `taciturn check` goes first, too. */
async function serverAddress(url: IceUrl): Promise<TransportAddress> {
  const dns = systemDns();
  const found = await resolveStep(url, { resolveHost, resolveServer: (one) => resolveServer(one, dns) });
  if (found.passed) return found.value[0]!;
  throw cannotRun(`${found.problem.cause} ${found.problem.fix}`);
}

/** The address that packets to the server leave from. */
async function ownAddress(server: TransportAddress): Promise<string> {
  const socket = await openUdpSocket({ family: server.ip.family, connectTo: server });
  if (!socket.ok) throw cannotRun(`${formatTransportAddress(server)} cannot be reached: ${socket.error.message}`);
  socket.value.close();
  return socket.value.localAddress.ip.text;
}

async function run(plan: BenchPlan, context: CommandContext): Promise<BenchReport> {
  const status = new StatusLine(context);
  try {
    return await runBench(plan, (what) => status.show(what));
  } catch (error) {
    throw cannotRun(`The test could not be run: ${(error as Error).message}.`);
  } finally {
    status.clear();
  }
}

function cannotRun(message: string): CommandFailure {
  return new CommandFailure(ExitCode.failure, 'bench_failed', message);
}
