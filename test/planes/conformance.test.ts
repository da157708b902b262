import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatTransportAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { type Allocation, ChannelBinding, Permission } from '../../src/turn/allocation.ts';
import { address } from '../virtual-network/virtual-network.ts';
import { adapters, type PlaneAdapter } from './adapters.ts';
import { Peer, PlaneBench } from './plane-bench.ts';

const LOOPBACKS = ['127.0.0.1', '::1'] as const;
/** TEST-NET-2, which is no address of this machine. */
const ELSEWHERE = '198.51.100.7';

const runnable = adapters.filter((adapter) => canRun(adapter));

describe.each(runnable)('the plane $name', (adapter) => {
  let bench: PlaneBench;

  beforeEach(() => {
    bench = new PlaneBench(adapter);
  });

  afterEach(() => bench.end());

  describe('opens and closes', () => {
    it.each(LOOPBACKS)('a socket at the port that it was told, at %s', async (ip) => {
      const relayed = await bench.relay(ip);
      await expect(Peer.bind(ip, relayed.local.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    });

    it('says so when another program has the port', async () => {
      const peer = await bench.peer();
      expect(await bench.open(bench.relayedAddress('127.0.0.1', peer.at.port))).toBe('port-in-use');
      expect(bench.opened).toEqual([]);
    });

    it('says so when the address is not of this machine', async () => {
      expect(await bench.open(bench.relayedAddress(ELSEWHERE))).toBe('unavailable');
      expect(bench.opened).toEqual([]);
    });

    it('a socket whose port is free again at once', async () => {
      const relayed = await bench.relay();
      bench.plane.close(relayed);
      expect(await bench.open(bench.relayedAddress('127.0.0.1', relayed.local.port))).toBe('opened');
    });

    it('a socket that is still being opened, and then tells nothing of it', async () => {
      const relayed = bench.relayedAddress('127.0.0.1');
      bench.plane.open(relayed);
      bench.plane.close(relayed);
      await bench.settle();
      expect(bench.opened).not.toContain(relayed);
      expect(bench.failed).toEqual([]);
      await (await Peer.bind('127.0.0.1', relayed.local.port)).close();
    });

    it('a socket of which nothing is told any more, though packets had come already', async () => {
      const [relayed, peer] = [await bench.relay(), await bench.peer()];
      await peer.send(relayed, Buffer.from('too late'));
      bench.plane.close(relayed);
      await bench.settle();
      expect(bench.received).toEqual([]);
      expect(bench.lost).toEqual([]);
    });

    it('everything when it stops', async () => {
      const relays = await Promise.all(Array.from({ length: 10 }, () => bench.relay()));
      bench.plane.stop();
      for (const { local } of relays) await (await Peer.bind('127.0.0.1', local.port)).close();
      bench = new PlaneBench(adapter);
    });
  });

  describe('carries datagrams', () => {
    it.each([
      ['127.0.0.1', 65_507],
      ['::1', 65_487],
    ])('of every length both ways, at %s', async (ip, largest) => {
      const [relayed, peer] = [await bench.relay(ip), await bench.peer(ip)];
      for (const length of [0, 1, 3, 160, 1472, 1500, 9000, largest]) {
        const bytes = patterned(length);
        bench.send(relayed, peer.at, bytes);
        await bench.until(`${length} bytes leave`, () => peer.received.length > 0);
        expect(peer.received.splice(0)).toEqual([{ from: formatTransportAddress(relayed.local), bytes }]);
        await peer.send(relayed, bytes);
        await bench.until(`${length} bytes arrive`, () => bench.received.length > 0);
        expect(bench.received.splice(0)).toMatchObject([{ at: relayed, from: formatTransportAddress(peer.at), bytes }]);
      }
      expect(bench.undelivered).toEqual([]);
    });

    it('in the order in which they came, whatever their length', async () => {
      const [relayed, peer] = [await bench.relay(), await bench.peer()];
      const packets = Array.from({ length: 200 }, (_, i) => patterned([160, 160, 160, 40, 1200][i % 5]!, i));
      for (const bytes of packets) bench.send(relayed, peer.at, bytes);
      await bench.until('all leave', () => peer.received.length === packets.length);
      expect(peer.received.map(({ bytes }) => bytes)).toEqual(packets);
      for (const bytes of packets) await peer.send(relayed, bytes);
      await bench.until('all arrive', () => bench.received.length === packets.length);
      expect(bench.received.map(({ bytes }) => bytes)).toEqual(packets);
    });

    it('each to its own peer, when they leave by turns', async () => {
      const relayed = await bench.relay();
      const peers = [await bench.peer(), await bench.peer(), await bench.peer()];
      for (let i = 0; i < 90; i++) bench.send(relayed, peers[i % 3]!.at, patterned(100, i));
      await bench.until('all leave', () => peers.every(({ received }) => received.length === 30));
      for (const [n, { received }] of peers.entries()) {
        expect(received.map(({ bytes }) => bytes)).toEqual(
          Array.from({ length: 30 }, (_, i) => patterned(100, 3 * i + n)),
        );
      }
    });

    it('of two sockets without mixing them', async () => {
      const relays = [await bench.relay(), await bench.relay(), await bench.relay('::1')];
      const peers = [await bench.peer(), await bench.peer(), await bench.peer('::1')];
      for (let round = 0; round < 20; round++) {
        for (const [i, relayed] of relays.entries()) {
          bench.send(relayed, peers[i]!.at, `${i} ${round}`);
          await peers[i]!.send(relayed, Buffer.from(`${i} ${round}`));
        }
      }
      const all = () => bench.received.length === 60 && peers.every(({ received }) => received.length === 20);
      await bench.until('all arrive', all);
      const rounds = (i: number) => Array.from({ length: 20 }, (_, round) => `${i} ${round}`);
      for (const [i, relayed] of relays.entries()) {
        const up = bench.received.filter(({ at }) => at === relayed);
        expect(up.map(({ bytes }) => bytes.toString())).toEqual(rounds(i));
        expect(new Set(up.map(({ from }) => from))).toEqual(new Set([formatTransportAddress(peers[i]!.at)]));
        expect(peers[i]!.received.map(({ bytes }) => bytes.toString())).toEqual(rounds(i));
        expect(new Set(peers[i]!.received.map(({ from }) => from))).toEqual(
          new Set([formatTransportAddress(relayed.local)]),
        );
      }
    });

    it('of 500 sockets', async () => {
      const peer = await bench.peer();
      const relays = await Promise.all(Array.from({ length: 500 }, () => bench.relay()));
      for (const relayed of relays) {
        bench.send(relayed, peer.at, formatTransportAddress(relayed.local));
        await peer.send(relayed, Buffer.from(formatTransportAddress(relayed.local)));
      }
      await bench.until('all arrive', () => bench.received.length === 500 && peer.received.length === 500);
      for (const { from, bytes } of peer.received) expect(bytes.toString()).toBe(from);
      for (const { at, bytes } of bench.received) expect(bytes.toString()).toBe(formatTransportAddress(at.local));
    });

    it('and counts them', async () => {
      const [relayed, peer] = [await bench.relay(), await bench.peer()];
      for (let i = 0; i < 7; i++) bench.send(relayed, peer.at, 'there');
      for (let i = 0; i < 5; i++) await peer.send(relayed, Buffer.from('back'));
      const { counters } = bench.plane;
      await bench.until('all are counted', () => counters.sent === 7 && counters.received === 5);
      expect(counters).toMatchObject({ forwarded: 0, icmpErrors: 0 });
      expect(bench.received).toHaveLength(5);
      expect(counters.receiveCalls > 0).toBe(counters.sendCalls > 0);
    });

    it('of a bound channel as well, or forwards them', async () => {
      const [relayed, peer] = [await bench.relay(), await bench.peer()];
      const binding = bindingOf(new Permission(relayed, peer.at.ip), peer.at.port);
      bench.plane.bindChannel(binding);
      await peer.send(relayed, Buffer.from('bound'));
      await bench.until('it arrives', () => bench.received.length + bench.plane.counters.forwarded === 1);
      const forwarded = bench.plane.forwarded(binding);
      expect((forwarded?.toClient.packets ?? 0) + bench.received.length).toBe(1);
      expect(bench.plane.unbindChannel(binding)).toBeUndefined();
      bench.received.length = 0;
      await peer.send(relayed, Buffer.from('unbound'));
      await bench.until('it arrives', () => bench.received.length === 1);
    });
  });

  describe('sets header fields', () => {
    it.each(LOOPBACKS)('where it can, and tells those that it knows, at %s', async (ip) => {
      const [from, to] = [await bench.relay(ip), await bench.relay(ip)];
      const fields = [
        { ttl: 17, trafficClass: 0xbb },
        { ttl: 18, trafficClass: 0xb8 },
        { ttl: 200, trafficClass: 0 },
      ];
      for (const field of fields) bench.send(from, to.local, 'x', field);
      await bench.until('all arrive', () => bench.received.length === 3);
      const told = bench.received.map(({ ttl, trafficClass }) => ({ ttl, trafficClass }));
      expect(told).toEqual(adapter.headerFields ? fields : fields.map(() => ({ ttl: -1, trafficClass: 0 })));
    });

    it('of the system where it is not told which', async () => {
      const [from, to] = [await bench.relay(), await bench.relay()];
      bench.send(from, to.local, 'x', { ttl: 17, trafficClass: 0xb8 });
      bench.send(from, to.local, 'x');
      await bench.until('both arrive', () => bench.received.length === 2);
      const ttl = adapter.headerFields ? Number(readFileSync('/proc/sys/net/ipv4/ip_default_ttl', 'utf8')) : -1;
      expect(bench.received[1]).toMatchObject({ ttl, trafficClass: 0 });
    });
  });

  describe('with DONT-FRAGMENT', () => {
    it('sends what fits', async () => {
      if (!bench.plane.dontFragment) return;
      const [relayed, peer] = [await bench.relay(), await bench.peer()];
      for (const dontFragment of [true, false, true]) bench.send(relayed, peer.at, patterned(9000), { dontFragment });
      await bench.until('all leave', () => peer.received.length === 3);
      expect(bench.undelivered).toEqual([]);
    });

    it('does not send what would be fragmented, and then goes on', async (context) => {
      const narrow = narrowInterface();
      if (narrow === undefined) return context.skip(unavailable('no interface here has a small MTU'));
      if (!bench.plane.dontFragment) return;
      const relayed = await bench.relay(narrow.ip);
      bench.send(relayed, narrow.neighbour, patterned(narrow.mtu - 27), { dontFragment: true });
      await bench.until('it is refused', () => bench.undelivered.length > 0);
      await bench.settle();
      expect(bench.undelivered).toEqual(['would-fragment']);
      expect(bench.plane.counters.sent).toBe(1);
    });
  });

  describe('when a packet comes to nothing', () => {
    it.each([
      ['127.0.0.1', { type: 3, code: 3, data: 0 }],
      ['::1', { type: 1, code: 4, data: 0 }],
    ])('goes on, and tells the ICMP error if it hears of it, at %s', async (ip, error) => {
      const [relayed, peer, gone] = [await bench.relay(ip), await bench.peer(ip), await Peer.bind(ip)];
      await gone.close();
      for (let i = 0; i < 10; i++) {
        bench.send(relayed, gone.at, 'to nobody');
        bench.send(relayed, peer.at, `${i}`);
        await bench.until('the other leaves', () => peer.received.length === i + 1);
      }
      for (let i = 10; i < 20; i++) {
        bench.send(relayed, gone.at, 'to nobody');
        for (let n = 0; n < 3; n++) bench.send(relayed, peer.at, `${i}`);
      }
      await bench.until('the others leave', () => peer.received.length === 40);
      await peer.send(relayed, Buffer.from('back'));
      await bench.until('packets come in', () => bench.received.length === 1);
      expect(bench.lost).toEqual([]);
      expect(bench.undelivered).toEqual([]);
      if (adapter.icmp) {
        await bench.until('the errors are told', () => bench.icmpErrors.length > 0);
        expect(bench.icmpErrors[0]).toEqual({ at: relayed, peer: formatTransportAddress(gone.at), ...error });
      }
      expect(bench.plane.counters.icmpErrors).toBe(bench.icmpErrors.length);
    });

    it('says that it did not leave when there is no socket', async () => {
      const peer = await bench.peer();
      bench.send(bench.relayedAddress('127.0.0.1'), peer.at, 'x');
      await bench.until('it is refused', () => bench.undelivered.length > 0);
      expect(bench.undelivered).toEqual(['send-failed']);
    });

    it('says that it did not leave when it is larger than a datagram can be', async () => {
      const [relayed, peer] = [await bench.relay(), await bench.peer()];
      bench.send(relayed, peer.at, patterned(65_508));
      bench.send(relayed, peer.at, 'x');
      await bench.until('the next one leaves', () => peer.received.length === 1 && bench.undelivered.length > 0);
      expect(bench.undelivered).toEqual(['send-failed']);
    });
  });
});

function canRun({ name, unavailable: why }: PlaneAdapter): boolean {
  if (why !== undefined) unavailable(`the plane ${name} cannot run: ${why}`);
  return why === undefined;
}

/** Says why something is not tested; in CI that is an error. */
function unavailable(why: string): string {
  if (process.env.CI === 'true') throw new Error(why);
  process.stderr.write(`skipped: ${why}\n`);
  return why;
}

function patterned(length: number, seed = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff));
}

function bindingOf(permission: Permission, port: number): ChannelBinding {
  const client = address('127.0.0.1:5000');
  const fiveTuple = { listener: { id: 1, transport: 'udp', local: address('127.0.0.1:3478') }, client };
  return new ChannelBinding({ fiveTuple } as unknown as Allocation, permission, 0x4000, port);
}

/** An IPv4 address of this machine behind an interface whose MTU is less than a datagram can have, and one near it. */
function narrowInterface(): { ip: string; neighbour: TransportAddress; mtu: number } | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const file = `/sys/class/net/${name}/mtu`;
    const mtu = existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.POSITIVE_INFINITY;
    const own = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (own === undefined || mtu > 60_000) continue;
    const [, start, last] = /^(.*\.)(\d+)$/.exec(own.address)!;
    return { ip: own.address, neighbour: address(`${start}${Number(last) ^ 1}:9`), mtu };
  }
  return undefined;
}
