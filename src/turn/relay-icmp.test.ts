import { describe, expect, it } from 'vitest';
import { Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { readXorAddress } from '../stun/attributes/address.ts';
import { readIcmp } from '../stun/attributes/icmp.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { StunMessage } from '../stun/message.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../stun/protocol.ts';
import { IcmpArrival } from './packet.ts';

/** A client with a permission for a peer, and a way to let ICMP errors about its packets come in. */
function bench(options: ScenarioOptions = {}, family: AddressFamily = AddressFamily.ipv4) {
  const scenario = new Scenario(options);
  const client = scenario.client();
  const { relayed } = client.allocate({ family });
  const peer = scenario.peer(family === AddressFamily.ipv4 ? undefined : '[2a02::1]:7000');
  client.createPermission(peer.at);
  const socket = scenario.socketOf(relayed);
  const told: { to: TransportAddress; bytes: Buffer }[] = [];
  scenario.host.observer = { transmitted: (to, bytes) => told.push({ to, bytes }) };
  const error = new IcmpArrival();
  const { server, host, schedule } = scenario;
  return {
    scenario,
    client,
    peer,
    told,
    fail: (type: number, code: number, data = 0, at = peer.at) => {
      error.peer.ip.copy(at.ip);
      error.peer.port = at.port;
      Object.assign(error, { type, code, data });
      told.length = 0;
      server.receiveIcmp(socket, error, schedule.time);
      host.run();
      return [...told];
    },
  };
}

function read(bytes: Buffer): StunMessage {
  const message = new StunMessage();
  message.read(bytes, 0, bytes.length);
  return message;
}

describe('an ICMP error about a packet to a peer', () => {
  it('comes to the client as a Data indication without data', () => {
    const { client, peer, fail } = bench();
    const [told] = fail(3, 3);
    expect(told?.to).toEqual(client.at);
    const message = read(told!.bytes);
    expect([message.messageClass, message.method]).toEqual([MessageClass.indication, Method.data]);
    expect(readXorAddress(message, message.find(Attribute.xorPeerAddress))).toEqual(peer.at);
    expect(readIcmp(message, message.find(Attribute.icmp))).toEqual({ type: 3, code: 3, data: 0 });
    expect(message.has(Attribute.data)).toBe(false);
  });

  it.each([
    [AddressFamily.ipv4, [3, 11]],
    [AddressFamily.ipv6, [1, 2, 3]],
  ])('of family %i is told if it has one of the types %j', (family, types) => {
    const { scenario, fail } = bench({}, family);
    const passed = Array.from({ length: 256 }, (_, type) => type).filter((type) => fail(type, 0).length > 0);
    expect(passed).toEqual(types);
    expect(scenario.server.counters.dropped('icmp-type')).toBe(256 - types.length);
  });

  it.each([
    ['fragmentation needed', AddressFamily.ipv4, 3, 4, 1400],
    ['packet too big', AddressFamily.ipv6, 2, 0, 1400],
    ['port unreachable', AddressFamily.ipv4, 3, 3, 0],
    ['time exceeded', AddressFamily.ipv4, 11, 4, 0],
    ['no route', AddressFamily.ipv6, 1, 4, 0],
  ])('carries the MTU where there is one: %s', (_, family, type, code, data) => {
    const { fail } = bench({}, family);
    const message = read(fail(type, code, 1400)[0]!.bytes);
    expect(readIcmp(message, message.find(Attribute.icmp))?.data).toBe(data);
  });

  it('names the port of the packet, be it one that the client never used', () => {
    const { peer, fail } = bench();
    const message = read(fail(3, 3, 0, { ...peer.at, port: 9 })[0]!.bytes);
    const named = readXorAddress(message, message.find(Attribute.xorPeerAddress))!;
    expect(formatTransportAddress(named)).toBe(`${peer.at.ip.text}:9`);
  });

  it('is not told without a permission, or when that has lapsed, though a channel lives on', () => {
    const { scenario, client, peer, fail } = bench();
    expect(fail(3, 3, 0, scenario.peer().at)).toEqual([]);
    client.channelBind(0x4000, peer.at);
    scenario.pass(299);
    expect(fail(3, 3)).toHaveLength(1);
    scenario.pass(1);
    expect(fail(3, 3)).toEqual([]);
    expect(scenario.server.population.channels).toBe(1);
    expect(scenario.server.counters.dropped('no-permission')).toBe(2);
  });

  it('is not told when the allocation has ended', () => {
    const { scenario, client, fail } = bench();
    client.refresh(0);
    expect(fail(3, 3)).toEqual([]);
    expect(scenario.server.counters.dropped('no-such-relay')).toBe(1);
  });

  it('counts against the rate of packets, so that nobody is flooded', () => {
    const perAllocation = { packetsPerSecond: 3, bytesPerSecond: Number.POSITIVE_INFINITY };
    const { scenario, fail } = bench({ limits: { perAllocation } });
    const passed = Array.from({ length: 10 }, () => fail(3, 3).length);
    expect(passed).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(scenario.server.counters.dropped('allocation-rate')).toBe(7);
    const [allocation] = scenario.server.allocations;
    expect(allocation?.toClient.packets).toBe(0);
  });
});
