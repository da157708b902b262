import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LongTermAuthentication } from '../../src/client/long-term-authentication.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import type { TurnClient } from '../../src/client/turn-client.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { DaemonProcess } from '../interop/daemon-process.ts';
import { alice, allocate, relay } from '../interop/relay-client.ts';
import { Taciturn } from '../interop/taciturn.ts';
import { SeededRandom } from '../virtual-network/seeded-random.ts';
import { AnswerWatch } from './answer-watch.ts';
import { anyDatagram, type Sign } from './mutated-message.ts';

const messages = Number(process.env.TACITURN_FUZZ_MESSAGES ?? 20_000);
const seed = Number(process.env.TACITURN_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** So much may be under way before the server is asked whether it has dealt with it; sockets have small buffers. */
const roundMessages = 200;
const roundBytes = 100_000;
const progressEvery = 50_000;
const megabyte = 1024 * 1024;

/** Where datagrams come from. */
interface Sender {
  readonly watch: AnswerWatch;
  send(bytes: Buffer): void;
  readonly sign?: Sign;
}

const sockets: Socket[] = [];

async function sender(from: string, to: { host: string; port: number }, watch: AnswerWatch): Promise<Sender> {
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4').bind(0, from);
  sockets.push(socket);
  await once(socket, 'listening');
  socket.connect(to.port, to.host);
  await once(socket, 'connect');
  socket.on('message', (bytes) => watch.received(bytes));
  // Too large for this family, or a port that has just been closed: it is the server that is tested.
  socket.on('error', () => {});
  return { watch, send: (bytes) => socket.send(bytes, () => {}) };
}

function many(count: number, make: () => Promise<Sender>): Promise<Sender[]> {
  return Promise.all(Array.from({ length: count }, make));
}

describe(`a server that is sent ${messages} mutated messages (TACITURN_FUZZ_SEED=${seed})`, () => {
  let daemon: Taciturn;
  let process_: DaemonProcess;
  let holder: TurnClient;
  let allocation: TurnAllocation;
  let controls: readonly TurnClient[];
  let senders: readonly (readonly [share: number, senders: readonly Sender[]])[];
  let residentBefore: number;
  const fraction = (share: number) => Math.floor(messages * share);

  beforeAll(async () => {
    process.stderr.write(`fuzz: ${messages} messages, TACITURN_FUZZ_SEED=${seed}\n`);
    daemon = await Taciturn.start(`
relay: { peers: { allow: [127.0.0.1] } }
limits: { unauthenticated: { perAddressPerSecond: unlimited, perNetworkPerSecond: unlimited } }
`);
    process_ = DaemonProcess.find(daemon.directory);
    controls = await clientAtEachServer();
    [holder, allocation] = await allocate(daemon.port);
    const { port } = allocation.relayedAddress;
    const strangers = await many(48, () =>
      sender('127.0.0.1', { host: '127.0.0.1', port: daemon.port }, new AnswerWatch()),
    );
    const strangers6 = await many(16, () => sender('::1', { host: '::1', port: daemon.port }, new AnswerWatch()));
    const peers = await many(4, () => sender('127.0.0.1', { host: '127.0.0.1', port }, new AnswerWatch(true)));
    const uninvited = await many(4, () => sender('127.0.0.2', { host: '127.0.0.1', port }, new AnswerWatch()));
    const peer = { ip: IpAddress.parse('127.0.0.1')!, port: sockets[64]!.address().port };
    expect((await allocation.bindChannel(peer)).ok).toBe(true);
    senders = [
      [0.5, [...strangers, ...strangers6]],
      [0.3, [asSender(holder)]],
      [0.15, peers],
      [0.05, uninvited],
    ];
  });

  afterAll(async () => {
    for (const socket of sockets) socket.close();
    for (const client of [...(controls ?? []), holder]) client?.close();
    await daemon?.stop();
  });

  /** A server takes the packets of its clients in their order, but there may be one in each of several threads. */
  async function clientAtEachServer(): Promise<readonly TurnClient[]> {
    const found = new Map<number, TurnClient>();
    while (found.size < Math.max(1, daemon.report.workers)) {
      const [client, probe] = await allocate(daemon.port);
      const { sessions } = (await (await daemon.fetch('/v1/sessions')).json()) as { sessions: { server: number }[] };
      await probe.close();
      const { server } = sessions[0]!;
      if (found.has(server)) client.close();
      else found.set(server, client);
    }
    return [...found.values()];
  }

  /** The socket of a client with an allocation, which signs most of what it sends. */
  function asSender(client: TurnClient): Sender {
    const watch = new AnswerWatch(true);
    const { socket } = client.stun;
    const deliver = socket.onMessage;
    socket.onMessage = (bytes, from) => {
      watch.received(bytes);
      deliver(bytes, from);
    };
    const send = socket.send.bind(socket);
    // What the client sends by itself, to keep its allocation, is answered here too.
    socket.send = (bytes, to) => {
      watch.sent(Buffer.from(bytes));
      send(bytes, to);
    };
    const sign: Sign = (writer) => new LongTermAuthentication(alice, client.requests.challenge!).sign(writer);
    return { watch, sign, send: (bytes) => send(bytes, client.server) };
  }

  function pick(random: SeededRandom): Sender {
    let rest = random.next();
    for (const [share, among] of senders) {
      if (rest < share) return random.pick(among);
      rest -= share;
    }
    return random.pick(senders[0]![1]);
  }

  function sendRound(random: SeededRandom, most: number): number {
    let count = 0;
    for (let bytes = 0; count < most && count < roundMessages && bytes < roundBytes; count++) {
      const from = pick(random);
      const datagram = anyDatagram(random, from.sign);
      from.watch.sent(datagram);
      from.send(datagram);
      bytes += datagram.length;
    }
    return count;
  }

  /** Resolves when every server has dealt with what was sent before. */
  async function settled(): Promise<void> {
    for (const answer of await Promise.all(controls.map((client) => client.binding()))) {
      if (!answer.ok) throw new Error(`a server does not answer any more: ${answer.error.kind}`);
    }
  }

  it('answers nothing but requests', { timeout: 60_000 + messages * 2 }, async () => {
    const random = new SeededRandom(seed);
    let sent = 0;
    let nextProgress = progressEvery;
    while (sent < messages) {
      sent += sendRound(random, messages - sent);
      await settled();
      // By now everything that a server needs once is there.
      if (residentBefore === undefined && sent >= fraction(0.2)) residentBefore = process_.residentBytes;
      if (sent < nextProgress) continue;
      process.stderr.write(`fuzz: ${sent} of ${messages}, ${Math.round(process_.residentBytes / megabyte)} MB\n`);
      nextProgress += progressEvery;
    }
    const watches = senders.flatMap(([, all]) => all.map(({ watch }) => watch));
    expect(watches.flatMap(({ violations }) => violations)).toEqual([]);
    expect(watches.reduce((sum, { answers }) => sum + answers, 0)).toBeGreaterThan(messages / 20);
  });

  it('lives on as the same process, logs no error, and its memory is bounded', () => {
    expect(process_.alive).toBe(true);
    expect(DaemonProcess.find(daemon.directory).pid).toBe(process_.pid);
    expect(daemon.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    expect(process_.residentBytes).toBeLessThan(residentBefore + 100 * megabyte);
  });

  it('has counted what it dropped by reason', async () => {
    const reasons = [
      ...['not-stun', 'bad-length', 'no-magic-cookie', 'bad-attribute', 'too-many-attributes', 'bad-fingerprint'],
      ...['not-a-request', 'unknown-method', 'no-allocation', 'unknown-channel', 'bad-channel-length'],
      ...['bad-send-indication', 'no-permission'],
    ];
    const counted = await Promise.all(
      reasons.map(async (reason) => [reason, await daemon.metric('taciturn_dropped_packets_total', `"${reason}"`)]),
    );
    expect(counted.filter(([, count]) => count === 0)).toEqual([]);
    const relayed = await daemon.metric('taciturn_relayed_packets_total');
    expect(relayed).toBeGreaterThan(0);
    const accounted = await Promise.all(
      ['dropped_packets', 'relayed_packets', 'responses', 'errors', 'challenges'].map((name) =>
        daemon.metric(`taciturn_${name}_total`),
      ),
    );
    // Short of all: Binding indications are taken without a word, and a full socket buffer loses some before the server.
    expect(accounted.reduce((sum, count) => sum + count)).toBeGreaterThan(messages * 0.9);
  });

  it('still serves clients', async () => {
    const [one, a] = await allocate(daemon.port);
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'after all that');
    for (const done of [a, b, allocation]) expect((await done.close()).ok).toBe(true);
    for (const client of [one, other]) client.close();
    await expect.poll(() => daemon.metric('taciturn_users')).toBe(0);
    expect(await daemon.metric('taciturn_allocations')).toBe(0);
  });
});
