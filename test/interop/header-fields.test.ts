import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AllocateOptions } from '../../src/client/allocate-request.ts';
import type { ClientTransport } from '../../src/client/open-socket.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { openTurnClient, type TurnClient } from '../../src/client/turn-client.ts';
import type { IcmpError } from '../../src/stun/attributes/icmp.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { inside } from './inside-namespace.ts';
import { canMakeNamespaces } from './network-namespaces.ts';
import { PacketRules } from './packet-counters.ts';
import { requirePeer } from './peers.ts';
import { alice } from './relay-client.ts';
import { NARROW_MTU, RoutedNetwork } from './routed-network.ts';
import { Taciturn } from './taciturn.ts';
import { canRunWorkers } from './worker-bench.ts';

/** Larger than the network of the peer takes in one piece, smaller than any other. */
const WIDE = NARROW_MTU + 60;
const families = [
  ['IPv4', 'ipv4', {}],
  ['IPv6', 'ipv6', { addressFamily: AddressFamily.ipv6 }],
] as const;

const possible = canMakeNamespaces() && canRunWorkers() && requirePeer('nft');

describe.skipIf(!possible)('headers of relayed packets', () => {
  let network: RoutedNetwork;
  let daemon: Taciturn;
  let atClient: PacketRules;
  let atRouter: PacketRules;
  let atPeer: PacketRules;
  /** What is to be closed after each test. */
  let open: { close(): void }[];

  beforeAll(async () => {
    network = new RoutedNetwork();
    atClient = new PacketRules(network.client);
    atRouter = new PacketRules(network.router);
    atPeer = new PacketRules(network.peer);
    daemon = await inside(network.server, () => Taciturn.start(network.yaml(), { listen: [network.serverAddress] }));
  });
  beforeEach(() => {
    open = [];
  });
  afterEach(() => {
    for (const one of open) one.close();
    for (const rules of [atClient, atRouter, atPeer]) rules.clear();
    network.server.ip('route', 'flush', 'cache');
    network.server.ip('-6', 'route', 'flush', 'cache');
  });
  afterAll(async () => {
    await daemon?.stop();
    network?.remove();
  });

  async function allocate(
    options: AllocateOptions = {},
    transport: ClientTransport = { kind: 'udp' },
  ): Promise<TurnAllocation> {
    const server = { ip: IpAddress.parse(network.serverAddress)!, port: daemon.port };
    const client = await inside(network.client, () => openTurnClient({ server, credentials: alice, transport }));
    if (!client.ok) throw new Error(client.error.message);
    open.push(client.value satisfies TurnClient);
    const allocation = await client.value.allocate(options);
    if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
    return allocation.value;
  }

  /** A socket where the peer is, and its address. */
  async function bindPeer(family: 'ipv4' | 'ipv6'): Promise<readonly [Socket, TransportAddress]> {
    const ip = network.peerAddresses[family];
    const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
    await inside(network.peer, async () => {
      socket.bind(0, ip.text);
      await once(socket, 'listening');
    });
    open.push(socket);
    return [socket, { ip, port: socket.address().port }];
  }

  async function permit(allocation: TurnAllocation, peer: TransportAddress): Promise<void> {
    expect(await allocation.createPermission([peer])).toMatchObject({ ok: true });
  }

  function nextIcmp(allocation: TurnAllocation): Promise<{ peer: TransportAddress; error: IcmpError }> {
    return new Promise((resolve) => {
      allocation.onIcmp = (peer, error) => resolve({ peer, error });
    });
  }

  const metric = (name: string, labels = '') => inside(network.server, () => daemon.metric(name, labels));
  const dropped = (reason: string) => metric('taciturn_dropped_packets_total', `reason="${reason}"`);

  describe.each(families)('over %s', (_name, family, options) => {
    const closedPort = family === 'ipv4' ? { type: 3, code: 3, data: 0 } : { type: 1, code: 4, data: 0 };

    it('tell the client that nobody is at the peer’s port', async () => {
      const peer = { ip: network.peerAddresses[family], port: 9 };
      const allocation = await allocate(options);
      await permit(allocation, peer);
      const told = nextIcmp(allocation);
      allocation.send(peer, Buffer.from('anybody there?'));
      expect(await told).toEqual({ peer, error: closedPort });
    });

    it('carry DSCP and ECN both ways, and one hop less', async () => {
      const [socket, peer] = await bindPeer(family);
      const allocation = await allocate(options);
      expect(await allocation.bindChannel(peer)).toMatchObject({ ok: true });
      const relayed = `udp dport ${peer.port}`;
      const [ip, hops] = family === 'ipv4' ? ['ip', 'ttl'] : ['ip6', 'hoplimit'];
      atClient.add('output', [`udp dport ${daemon.port} ip ttl set 40 ip dscp set ef ip ecn set ect0`]);
      atRouter.add('prerouting', [
        `${relayed} ${ip} ${hops} 39 ${ip} dscp ef ${ip} ecn ect0 counter comment "as-sent"`,
        `${relayed} counter comment "any"`,
      ]);
      atPeer.add('output', [`udp sport ${peer.port} ${ip} ${hops} set 50 ${ip} dscp set af41 ${ip} ecn set ce`]);
      atClient.add('input', [
        // The router is a hop as well.
        `udp sport ${daemon.port} ip ttl 48 ip dscp af41 ip ecn ce counter comment "as-answered"`,
      ]);
      socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
      const returned = new Promise<void>((resolve) => {
        allocation.onData = () => resolve();
      });
      allocation.send(peer, Buffer.alloc(160));
      await returned;
      expect([atRouter.count('as-sent'), atRouter.count('any'), atClient.count('as-answered')]).toEqual([1, 1, 1]);
    });

    it('are what the system makes them for a client over TCP', async () => {
      const [socket, peer] = await bindPeer(family);
      const allocation = await allocate(options, { kind: 'tcp' });
      await permit(allocation, peer);
      atClient.add('output', [`tcp dport ${daemon.port} ip ttl set 40 ip dscp set ef`]);
      const [ip, hops] = family === 'ipv4' ? ['ip', 'ttl'] : ['ip6', 'hoplimit'];
      atRouter.add('prerouting', [
        `udp dport ${peer.port} ${ip} ${hops} 64 ${ip} dscp 0 ${ip} ecn 0 counter comment "default"`,
      ]);
      const arrived = once(socket, 'message');
      allocation.send(peer, Buffer.alloc(160));
      await arrived;
      expect(atRouter.count('default')).toBe(1);
    });
  });

  it('end here when they have no hop left', async () => {
    const [socket, peer] = await bindPeer('ipv4');
    const allocation = await allocate();
    await permit(allocation, peer);
    atClient.add('output', [`udp dport ${daemon.port} udp length > 1000 ip ttl set 1`]);
    const arrived = once(socket, 'message');
    allocation.send(peer, Buffer.alloc(1000));
    allocation.send(peer, Buffer.from('the next one'));
    expect(String((await arrived)[0])).toBe('the next one');
    expect(await dropped('ttl-expired')).toBe(1);
  });

  it('say Don’t Fragment when the client does, and what is too large comes back', async () => {
    const [socket, peer] = await bindPeer('ipv4');
    const allocation = await allocate({ dontFragment: true });
    await permit(allocation, peer);
    atRouter.add('prerouting', [
      `udp dport ${peer.port} ip frag-off & 0x4000 == 0x4000 counter comment "whole"`,
      `udp dport ${peer.port} ip frag-off & 0x4000 == 0 counter comment "divisible"`,
    ]);
    const arrived = once(socket, 'message');
    allocation.send(peer, Buffer.alloc(100), { dontFragment: true });
    await arrived;
    expect([atRouter.count('whole'), atRouter.count('divisible')]).toEqual([1, 0]);

    // The router cannot pass it on, and says so; from then on this machine knows it.
    const told = nextIcmp(allocation);
    allocation.send(peer, Buffer.alloc(WIDE), { dontFragment: true });
    expect(await told).toEqual({ peer, error: { type: 3, code: 4, data: NARROW_MTU } });
    expect(await dropped('would-fragment')).toBe(0);
    allocation.send(peer, Buffer.alloc(WIDE), { dontFragment: true });
    await expect.poll(() => dropped('would-fragment'), { timeout: 5000 }).toBe(1);
    expect(atRouter.count('whole')).toBe(2);
  });

  it('are of fragments where the client does not mind', async () => {
    const [socket, peer] = await bindPeer('ipv4');
    const allocation = await allocate();
    await permit(allocation, peer);
    atRouter.add('prerouting', [`udp dport ${peer.port} ip frag-off & 0x4000 == 0 counter comment "divisible"`]);
    atPeer.add('prerouting', [`ip protocol udp ip frag-off & 0x3fff != 0 counter comment "fragments"`]);
    for (const size of [WIDE, 3000]) {
      const arrived = once(socket, 'message');
      allocation.send(peer, Buffer.alloc(size));
      expect((await arrived)[0]).toHaveLength(size);
    }
    expect(atRouter.count('divisible')).toBeGreaterThanOrEqual(2);
    // Two of the smaller, and three of the larger.
    expect(atPeer.count('fragments')).toBeGreaterThanOrEqual(5);
  });

  it('tell the client what was too big for an IPv6 router, and fit from then on', async () => {
    const [socket, peer] = await bindPeer('ipv6');
    const allocation = await allocate({ addressFamily: AddressFamily.ipv6 });
    await permit(allocation, peer);
    const told = nextIcmp(allocation);
    allocation.send(peer, Buffer.alloc(WIDE));
    expect(await told).toEqual({ peer, error: { type: 2, code: 0, data: NARROW_MTU } });
    const arrived = once(socket, 'message');
    allocation.send(peer, Buffer.alloc(WIDE));
    expect((await arrived)[0]).toHaveLength(WIDE);
  });
});
