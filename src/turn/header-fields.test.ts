import { describe, expect, it } from 'vitest';
import { LISTENER, LISTENER_IPV6, Scenario } from '../../test/virtual-network/scenario.ts';
import { channelData, type VirtualClient } from '../../test/virtual-network/virtual-client.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily, Attribute } from '../stun/protocol.ts';
import type { Listener } from './five-tuple.ts';
import { Arrival, HEADROOM, TAILROOM, Verdict } from './packet.ts';

const CHANNEL = 0x4000;

/** Expedited Forwarding with the ECN bits of Congestion Experienced. */
const EF_CE = 0xbb;

function arrivalOf(from: TransportAddress, bytes: Buffer, ttl: number, trafficClass: number): Arrival {
  const arrival = new Arrival();
  arrival.buffer = Buffer.alloc(HEADROOM + bytes.length + TAILROOM);
  arrival.buffer.set(bytes, HEADROOM);
  arrival.start = HEADROOM;
  arrival.end = HEADROOM + bytes.length;
  arrival.source.ip.copy(from.ip);
  arrival.source.port = from.port;
  arrival.ttl = ttl;
  arrival.trafficClass = trafficClass;
  return arrival;
}

/** A client with a channel to a peer, and packets with any header either way. */
function bench(clientAt = '30.0.0.9:5000', family: AddressFamily = AddressFamily.ipv4) {
  const scenario = new Scenario();
  const client = scenario.client({ at: clientAt });
  const { relayed } = client.allocate({ family });
  const peer = scenario.peer(family === AddressFamily.ipv4 ? '20.0.0.9:7000' : '[2a02::9]:7000');
  client.channelBind(CHANNEL, peer.at);
  const { server, listener, listenerIpv6, schedule } = scenario;
  const through = client.at.ip.family === AddressFamily.ipv4 ? listener : listenerIpv6;
  return {
    scenario,
    client,
    peer,
    relayed,
    departure: server.departure,
    fromClient: (bytes: Buffer, ttl: number, trafficClass = 0, by: Listener = through) =>
      server.receiveFromClient(by, arrivalOf(client.at, bytes, ttl, trafficClass), schedule.time),
    fromPeer: (bytes: Buffer, ttl: number, trafficClass = 0, to: TransportAddress = relayed) =>
      server.receiveFromPeer(scenario.socketOf(to), arrivalOf(peer.at, bytes, ttl, trafficClass), schedule.time),
  };
}

const data = channelData(CHANNEL, 'x');

describe('the Traffic Class', () => {
  it.each([
    ['IPv4 to IPv4', '30.0.0.9:5000', AddressFamily.ipv4],
    ['IPv4 to IPv6', '30.0.0.9:5000', AddressFamily.ipv6],
    ['IPv6 to IPv4', '[2a01::9]:5000', AddressFamily.ipv4],
    ['IPv6 to IPv6', '[2a01::9]:5000', AddressFamily.ipv6],
  ])('is copied both ways, DSCP and ECN: %s', (_, at, family) => {
    const { fromClient, fromPeer, departure, client, peer } = bench(at, family);
    expect([fromClient(data, 60, EF_CE), departure.trafficClass]).toEqual([Verdict.toPeer, EF_CE]);
    expect([fromClient(client.buildSend(peer.at, 'x'), 60, 0x28), departure.trafficClass]).toEqual([
      Verdict.toPeer,
      0x28,
    ]);
    expect([fromPeer(Buffer.from('x'), 60, EF_CE), departure.trafficClass]).toEqual([Verdict.toClient, EF_CE]);
    expect([fromPeer(Buffer.from('x'), 60), departure.trafficClass]).toEqual([Verdict.toClient, 0]);
  });
});

describe('the TTL', () => {
  it('leaves with one less than it arrived', () => {
    const { fromClient, fromPeer, departure } = bench();
    for (const ttl of [255, 64, 2]) {
      expect([fromClient(data, ttl), departure.ttl]).toEqual([Verdict.toPeer, ttl - 1]);
      expect([fromPeer(Buffer.from('x'), ttl), departure.ttl]).toEqual([Verdict.toClient, ttl - 1]);
    }
  });

  it('that is not known leaves the choice to the system, whatever the packet before had', () => {
    const { fromClient, fromPeer, departure } = bench();
    fromClient(data, 64);
    expect([fromClient(data, -1), departure.ttl]).toEqual([Verdict.toPeer, -1]);
    fromPeer(Buffer.from('x'), 64);
    expect([fromPeer(Buffer.from('x'), -1), departure.ttl]).toEqual([Verdict.toClient, -1]);
  });

  it.each([0, 1])('of %i is the end of the packet, which takes nothing from the rates', (ttl) => {
    const { scenario, fromClient, fromPeer } = bench();
    expect([fromClient(data, ttl), fromPeer(Buffer.from('x'), ttl)]).toEqual([Verdict.nothing, Verdict.nothing]);
    expect(scenario.server.counters.dropped('ttl-expired')).toBe(2);
    const [allocation] = scenario.server.allocations;
    expect(allocation).toMatchObject({ fromClient: { packets: 0 }, toClient: { packets: 0 } });
  });

  it('counts once between two clients of one server', () => {
    const { scenario, client, relayed, departure, fromClient } = bench();
    const other = scenario.allocated();
    client.createPermission(other.relayed);
    other.client.createPermission(relayed);
    expect(fromClient(client.buildSend(other.relayed, 'x'), 64, EF_CE)).toBe(Verdict.toClient);
    expect([departure.ttl, departure.trafficClass]).toEqual([63, EF_CE]);
    expect(fromClient(client.buildSend(other.relayed, 'x'), 1)).toBe(Verdict.nothing);
  });
});

describe('a client over TCP', () => {
  it('gets nothing of what a peer wrote into its header', () => {
    const scenario = new Scenario();
    const stream: Listener = { id: 9, transport: 'tcp', local: address('40.0.0.1:5349') };
    scenario.host.listen(stream);
    const client: VirtualClient = scenario.client({ server: stream.local });
    const { relayed } = client.allocate();
    const peer = scenario.peer();
    client.createPermission(peer.at);
    const { server, schedule } = scenario;
    const arrival = arrivalOf(peer.at, Buffer.from('x'), 1, EF_CE);
    expect(server.receiveFromPeer(scenario.socketOf(relayed), arrival, schedule.time)).toBe(Verdict.toClient);
    expect(server.departure).toMatchObject({ ttl: -1, trafficClass: 0 });
  });
});

describe('DONT-FRAGMENT', () => {
  const [udp4, udp6, tcp6]: Listener[] = [
    { id: 1, transport: 'udp', local: LISTENER },
    { id: 2, transport: 'udp', local: LISTENER_IPV6 },
    { id: 9, transport: 'tcp', local: address('[2a00:40::1]:5349') },
  ] as const;

  it.each([
    ['counts from IPv4 to IPv4', '30.0.0.9:5000', AddressFamily.ipv4, udp4, true],
    ['is ignored from IPv4 to IPv6', '30.0.0.9:5000', AddressFamily.ipv6, udp4, false],
    ['is ignored from IPv6 to IPv4', '[2a01::9]:5000', AddressFamily.ipv4, udp6, false],
    ['is ignored from IPv6 to IPv6', '[2a01::9]:5000', AddressFamily.ipv6, udp6, false],
    ['counts from TCP over IPv6', '[2a01::9]:5000', AddressFamily.ipv6, tcp6, true],
  ])('%s', (_, at, family, listener, asked) => {
    const scenario = new Scenario();
    if (listener === tcp6) scenario.host.listen(tcp6);
    const client = scenario.client({ at, server: listener!.local });
    client.allocate({ family });
    const peer = scenario.peer(family === AddressFamily.ipv4 ? '20.0.0.9:7000' : '[2a02::9]:7000');
    client.createPermission(peer.at);
    const seen: boolean[] = [];
    scenario.host.observer = { toPeer: ({ dontFragment }) => seen.push(dontFragment) };
    client.sendTo(peer.at, 'x', (writer) => writer.flag(Attribute.dontFragment));
    expect(seen).toEqual([asked]);
  });
});
