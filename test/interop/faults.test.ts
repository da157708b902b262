import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { openTurnClient, type TurnClient } from '../../src/client/turn-client.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { inside } from './inside-namespace.ts';
import { canMakeNamespaces, type NetworkNamespace } from './network-namespaces.ts';
import { PacketRules } from './packet-counters.ts';
import { requirePeer, run } from './peers.ts';
import { alice, allocate, connect, relay } from './relay-client.ts';
import { RoutedNetwork } from './routed-network.ts';
import { launcher, Taciturn } from './taciturn.ts';
import { canRunWorkers } from './worker-bench.ts';

const COUNT = 60;
const planes = canRunWorkers() ? (['batch', 'dgram'] as const) : (['dgram'] as const);

describe.skipIf(!canMakeNamespaces() || !requirePeer('nft')).each(planes)('on the %s plane', (plane) => {
  let network: RoutedNetwork;
  let daemon: Taciturn;
  let rules: PacketRules;
  /** A client whose peer is beyond what breaks, and one whose peer is not. */
  let hit: Path;
  let spared: Path;

  beforeAll(async () => {
    network = new RoutedNetwork();
    rules = new PacketRules(network.server);
  });
  afterAll(() => network?.remove());

  beforeEach(async () => {
    const { server, serverAddress } = network;
    daemon = await inside(server, () => Taciturn.start(network.yaml(plane), { listen: [serverAddress] }));
    hit = await Path.open(network, daemon.port, network.peer, '10.78.3.1');
    spared = await Path.open(network, daemon.port, network.client, '10.78.1.2');
    expect([await hit.carried(5), await spared.carried(5)]).toEqual([5, 5]);
  });
  afterEach(async () => {
    for (const path of [hit, spared]) path?.close();
    await daemon?.stop();
  });

  const dropped = (reason: string) =>
    inside(network.server, () => daemon.metric('taciturn_dropped_packets_total', `reason="${reason}"`));

  /** Sends through both while something is broken: one is hit, the other loses nothing. */
  async function sendThroughBoth(): Promise<number> {
    const [some, all] = await Promise.all([hit.carried(COUNT), spared.carried(COUNT)]);
    expect(all).toBe(COUNT);
    return some;
  }

  function warnings(event: string): readonly Record<string, unknown>[] {
    return daemon.log.filter((line) => line.level === 'warn' && line.event === event);
  }

  it('a packet that the firewall refuses is counted and logged, and the next one is not its victim', async () => {
    rules.add('output', ['ip daddr 10.78.3.1 drop']);
    expect(await sendThroughBoth()).toBe(0);
    expect(await dropped('send-failed')).toBe(COUNT);
    const lines = warnings('send-failed');
    expect(lines[0]).toMatchObject({ why: expect.stringContaining('EPERM') });
    expect(lines.length).toBeLessThanOrEqual(30);
    rules.clear();
    expect(await sendThroughBoth()).toBe(COUNT);
    expect(await dropped('send-failed')).toBe(COUNT);
  });

  it('a link that goes down costs its own packets, and carries them again when it is up', async () => {
    network.server.ip('link', 'set', 'to2', 'down');
    expect(await sendThroughBoth()).toBe(0);
    expect(await dropped('send-failed')).toBe(COUNT);
    expect(warnings('send-failed')[0]).toMatchObject({ why: expect.stringContaining('ENETUNREACH') });
    network.server.ip('link', 'set', 'to2', 'up');
    network.server.ip('address', 'replace', 'fd78:2::2/64', 'dev', 'to2', 'nodad');
    network.routeToPeer();
    await expect.poll(() => hit.carried(1), { timeout: 5000 }).toBe(1);
    expect(await sendThroughBoth()).toBe(COUNT);
  });

  it('a send buffer that is full costs what does not fit, and nobody waits for it', async () => {
    // So slow that what was sent waits, and so much room that nothing of it is thrown away.
    network.server.run('tc', 'qdisc add dev to2 root tbf rate 64kbit burst 1600 limit 4000000'.split(' '));
    for (let i = 0; i < 20; i++) {
      hit.send(40, 1000);
      await wait(5);
    }
    expect(await spared.carried(COUNT)).toBe(COUNT);
    await expect.poll(() => dropped('send-queue-full'), { timeout: 5000 }).toBeGreaterThan(100);
    expect(warnings('send-queue-full').length).toBeGreaterThan(0);
    network.server.run('tc', ['qdisc', 'del', 'dev', 'to2', 'root']);
    await expect.poll(() => hit.carried(1), { timeout: 5000 }).toBe(1);
    expect(await sendThroughBoth()).toBe(COUNT);
  });
});

describe.skipIf(!requirePeer('prlimit')).each(planes)('out of descriptors on the %s plane', (plane) => {
  it('a new allocation gets 508, those that exist go on, and it recovers', async () => {
    const daemon = await Taciturn.start(`relay: { plane: ${plane}, workers: 2 }`);
    const clients: TurnClient[] = [];
    try {
      const [one, a] = await allocate(daemon.port);
      const [other, b] = await allocate(daemon.port);
      clients.push(one, other, ...(await Promise.all(Array.from({ length: 12 }, () => connect(daemon.port)))));
      const pid = String(daemon.program.pid);
      const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
      // A limit below which so many numbers are free; those above it stay open.
      let limit = 0;
      for (let free = 0; free < 3; limit++) if (!open.has(limit)) free++;
      await run('prlimit', ['--pid', pid, `--nofile=${limit}:`]);
      const codes: (number | undefined)[] = [];
      for (const client of clients.slice(2)) {
        const answer = await client.allocate();
        codes.push(answer.ok ? 200 : (answer.error as { code?: number }).code);
      }
      expect(codes.slice(0, 3).every((code) => code === 200 || code === 508)).toBe(true);
      expect(codes.slice(3)).toEqual(Array(9).fill(508));
      expect(daemon.log).toContainEqual(
        expect.objectContaining({ event: 'relay-failed', why: expect.stringContaining('EMFILE') }),
      );
      await relay(a, b, 'as before');

      await run('prlimit', ['--pid', pid, '--nofile=4096:']);
      expect(await clients.at(-1)!.allocate()).toMatchObject({ ok: true });
    } finally {
      for (const client of clients) client.close();
      await daemon.stop();
    }
  });
});

describe('without koffi', () => {
  let directory: string;
  let prefix: readonly string[];
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'taciturn-koffi-'));
    const file = join(directory, 'without-koffi.cjs');
    writeFileSync(
      file,
      `const modules = require('node:module');
const resolve = modules._resolveFilename;
modules._resolveFilename = function (name, ...rest) {
  if (name === 'koffi') throw new Error("Cannot find module 'koffi'");
  return resolve.call(this, name, ...rest);
};
`,
    );
    prefix = ['env', `NODE_OPTIONS=--require ${file}`];
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('the server starts, says in one line why it moves packets one by one, and relays', async () => {
    const daemon = await Taciturn.start('relay: { plane: auto }', { prefix });
    expect(daemon.report).toMatchObject({ plane: 'dgram', workers: 0 });
    expect(daemon.report.planeWhy).toMatch(/^[^\n]*koffi[^\n]*$/);
    const [one, a] = await allocate(daemon.port);
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'one by one');
    for (const client of [one, other]) client.close();
    await daemon.stop();
  });

  it('the start fails, and says why, where batches are demanded', async () => {
    const file = join(directory, 'taciturn.yaml');
    writeFileSync(file, `dataDir: ${directory}/data\nlisten: { port: 0 }\nhttp: { port: 0 }\n`);
    const demand = 'TACITURN_RELAY__PLANE=batch';
    const [command, ...rest] = [...prefix, demand, process.execPath, launcher, 'serve', '--config', file];
    const { code, stderr } = await run(command!, rest);
    expect(code).toBe(1);
    expect(stderr).toMatch(/relay\.plane is batch, which cannot be had here: the package koffi/);
    expect(stderr).toContain('Set relay.plane to auto.');
  });
});

/** A client, its allocation, and a peer that counts what arrives. */
class Path {
  readonly #client: TurnClient;
  readonly #allocation: TurnAllocation;
  readonly #peer: Socket;
  readonly #at: TransportAddress;
  #arrived = 0;

  private constructor(client: TurnClient, allocation: TurnAllocation, peer: Socket, at: TransportAddress) {
    this.#client = client;
    this.#allocation = allocation;
    this.#peer = peer;
    this.#at = at;
    peer.on('message', () => this.#arrived++);
  }

  static async open(network: RoutedNetwork, port: number, place: NetworkNamespace, address: string): Promise<Path> {
    const peer = createSocket('udp4');
    await inside(place, async () => {
      peer.bind(0, address);
      await once(peer, 'listening');
    });
    const at = { ip: IpAddress.parse(address)!, port: peer.address().port };
    const server = { ip: IpAddress.parse(network.serverAddress)!, port };
    const client = await inside(network.client, () => openTurnClient({ server, credentials: alice }));
    if (!client.ok) throw new Error(client.error.message);
    const allocation = await client.value.allocate();
    if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
    const bound = await allocation.value.bindChannel(at);
    if (!bound.ok) throw new Error(JSON.stringify(bound.error));
    return new Path(client.value, allocation.value, peer, at);
  }

  send(packets: number, bytes = 160): void {
    for (let i = 0; i < packets; i++) this.#allocation.send(this.#at, Buffer.alloc(bytes));
  }

  /** Sends some packets, a few at a time; how many have arrived. */
  async carried(packets: number): Promise<number> {
    const before = this.#arrived;
    for (let sent = 0; sent < packets; sent += 5) {
      this.send(Math.min(5, packets - sent));
      await wait(5);
    }
    const end = performance.now() + 500;
    while (this.#arrived - before < packets && performance.now() < end) await wait(5);
    return this.#arrived - before;
  }

  close(): void {
    this.#client.close();
    this.#peer.close();
  }
}
