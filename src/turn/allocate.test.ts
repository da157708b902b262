import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { type AllocateWishes, type Attributes, allocateAttributes } from '../../test/virtual-network/virtual-client.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { readAddress } from '../stun/attributes/address.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { AddressFamily, Attribute, Method } from '../stun/protocol.ts';
import type { DropReason } from './drop-reason.ts';

const { ipv4, ipv6 } = AddressFamily;
const dropped = (scenario: Scenario, reason: DropReason) => scenario.server.counters.dropped(reason);

/** Writes an attribute whose value has a length that no such attribute has. */
function malformed(type: number): Attributes {
  return (writer) => void writer.reserve(type, 3);
}

describe('Allocate', () => {
  it('gives a relayed address, its lifetime and the mapped address, signed', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    const answer = client.allocate();
    expect(answer.isSuccess).toBe(true);
    expect(answer.attributeTypes).toEqual([
      Attribute.xorRelayedAddress,
      Attribute.lifetime,
      Attribute.xorMappedAddress,
      Attribute.messageIntegrity,
    ]);
    expect(answer.relayed.ip.text).toBe('40.0.0.1');
    expect(answer.relayed.port).toBeGreaterThanOrEqual(49_152);
    expect(answer.lifetimeSeconds).toBe(600);
    expect(formatTransportAddress(answer.mapped!)).toBe(formatTransportAddress(client.at));
    expect(answer.isSignedBy(client.key, 'sha1')).toBe(true);
    expect(scenario.host.sockets.size).toBe(1);
  });

  it('tells the external address, and binds the socket to the local one, behind a 1:1 NAT', () => {
    const inside = new Scenario();
    const scenario = new Scenario({
      ipv4: { local: inside.client({ at: '10.0.0.5:1' }).at.ip, external: inside.client({ at: '41.0.0.1:1' }).at.ip },
    });
    const answer = scenario.client().allocate();
    expect(answer.relayed.ip.text).toBe('41.0.0.1');
    expect(scenario.socketOf(answer.relayed).local.ip.text).toBe('10.0.0.5');
  });

  it.each([
    ['none', undefined, 600],
    ['0', 0, 600],
    ['less than the default', 60, 600],
    ['between', 1800, 1800],
    ['more than the most', 86_400, 3600],
    ['the largest number', 0xffffffff, 3600],
  ])('grants a lifetime when asked for %s', (_, lifetimeSeconds, granted) => {
    const wishes = lifetimeSeconds === undefined ? {} : { lifetimeSeconds };
    expect(new Scenario().client().allocate(wishes).lifetimeSeconds).toBe(granted);
  });

  it('gives an IPv6 address when asked for one, to an IPv4 client too', () => {
    const answer = new Scenario().client().allocate({ family: ipv6 });
    expect(answer.relayedAddresses.map(({ ip }) => ip.text)).toEqual(['2a00:40::1']);
  });

  it('gives an IPv4 address to an IPv6 client that asks for nothing', () => {
    const answer = new Scenario().client({ at: '[2a01::1]:5000' }).allocate();
    expect(answer.relayed.ip.text).toBe('40.0.0.1');
    expect(answer.mapped?.ip.text).toBe('2a01::1');
  });

  it('gives an even port with EVEN-PORT, and reserves nothing without the R bit', () => {
    const scenario = new Scenario();
    for (let i = 0; i < 20; i++) {
      const answer = scenario.client().allocate({ evenPort: 'reserve-nothing' });
      expect(answer.relayed.port % 2).toBe(0);
      expect(answer.reservationToken).toBeUndefined();
    }
    expect(scenario.server.population.reservations).toBe(0);
    expect(scenario.host.sockets.size).toBe(20);
  });

  it('accepts DONT-FRAGMENT where sockets can do it, and calls it unknown where they cannot', () => {
    expect(new Scenario().client().allocate({ dontFragment: true }).code).toBe(0);
    const refused = new Scenario({ dontFragment: false }).client().allocate({ dontFragment: true });
    expect(refused.code).toBe(420);
    expect(refused.unknownAttributes).toEqual([Attribute.dontFragment]);
  });

  it('copies FINGERPRINT from the request to the answer', () => {
    expect(new Scenario().client().allocate({}, { fingerprint: true }).has(Attribute.fingerprint)).toBe(true);
    expect(new Scenario().client().allocate().has(Attribute.fingerprint)).toBe(false);
  });
});

describe('an Allocate that is refused', () => {
  const token = Buffer.alloc(8, 7);
  it.each<[string, AllocateWishes, number]>([
    ['no REQUESTED-TRANSPORT', { transport: undefined }, 400],
    ['a malformed REQUESTED-TRANSPORT', { transport: undefined, more: malformed(Attribute.requestedTransport) }, 400],
    ['SCTP', { transport: 132 }, 442],
    ['an unheard-of transport', { transport: 255 }, 442],
    ['a malformed LIFETIME', { more: malformed(Attribute.lifetime) }, 400],
    ['a malformed EVEN-PORT', { more: malformed(Attribute.evenPort) }, 400],
    ['a malformed RESERVATION-TOKEN', { more: malformed(Attribute.reservationToken) }, 400],
    ['a malformed REQUESTED-ADDRESS-FAMILY', { more: malformed(Attribute.requestedAddressFamily) }, 400],
    ['a malformed ADDITIONAL-ADDRESS-FAMILY', { more: malformed(Attribute.additionalAddressFamily) }, 400],
    ['an address family that does not exist', { family: 3 as AddressFamily }, 440],
    ['both family attributes', { family: ipv4, additionalFamily: ipv6 }, 400],
    ['IPv4 as the additional family', { additionalFamily: ipv4 }, 400],
    ['a reservation and two families', { evenPort: 'reserve-next', additionalFamily: ipv6 }, 400],
    ['a token and EVEN-PORT', { reservationToken: token, evenPort: 'reserve-nothing' }, 400],
    ['a token and a family', { reservationToken: token, family: ipv4 }, 400],
    ['a token and an additional family', { reservationToken: token, additionalFamily: ipv6 }, 400],
    ['a token that was never given', { reservationToken: token }, 508],
    ['a mobility ticket', { more: (writer) => writer.flag(Attribute.mobilityTicket) }, 405],
    ['an unknown attribute', { more: (writer) => writer.flag(0x7abc) }, 420],
    // Where two things are wrong, the first step of RFC 8656 §7.2 decides.
    ['SCTP and a token that was never given', { transport: 132, reservationToken: token }, 442],
    ['an unknown attribute and SCTP', { transport: 132, more: (writer) => writer.flag(0x7abc) }, 420],
    ['a bad token beside a family that does not exist', { reservationToken: token, family: 9 as AddressFamily }, 400],
  ])('%s', (_, wishes, code) => {
    const scenario = new Scenario();
    const client = scenario.client();
    const answer = client.allocate(wishes);
    expect(answer.code).toBe(code);
    expect(answer.isSignedBy(client.key, 'sha1')).toBe(true);
    expect(scenario.server.population).toMatchObject({ allocations: 0, users: 0, deadlines: 0 });
    expect(client.allocate().code).toBe(0);
  });

  it('lists every unknown attribute once', () => {
    const more: Attributes = (writer) => writer.flag(0x7abc).flag(0x0055).flag(0x7abc).flag(0xc001);
    expect(new Scenario().client().allocate({ more }).unknownAttributes).toEqual([0x7abc, 0x0055]);
  });

  it('gets 440 for a family that the server has no address of', () => {
    const scenario = new Scenario({ ipv6: undefined });
    expect(scenario.client().allocate({ family: ipv6 }).code).toBe(440);
    const onlyIpv6 = new Scenario({ ipv4: undefined });
    expect(onlyIpv6.client().allocate().code).toBe(440);
    expect(onlyIpv6.client().allocate({ family: ipv6 }).code).toBe(0);
  });

  it('gets 486 when the user has its quota, and not when another user has', () => {
    const scenario = new Scenario({ limits: { allocationsPerUser: 2 } });
    scenario.users.add('bob', 'hello');
    const first = scenario.client();
    first.allocate();
    scenario.allocated();
    expect(scenario.client().allocate().code).toBe(486);
    expect(scenario.client({ username: 'bob', password: 'hello' }).allocate().code).toBe(0);
    first.refresh(0);
    expect(scenario.client().allocate().code).toBe(0);
  });

  it('counts a reserved port against the quota', () => {
    const scenario = new Scenario({ limits: { allocationsPerUser: 2 } });
    const { reservationToken } = scenario.client().allocate({ evenPort: 'reserve-next' });
    expect(scenario.client().allocate().code).toBe(486);
    expect(scenario.client().allocate({ reservationToken: reservationToken! }).code).toBe(0);
  });

  it('counts quotas by the user behind the user name', () => {
    const scenario = new Scenario({ limits: { allocationsPerUser: 1 } });
    scenario.users.add('1900000000:carol', 'one', { user: 'carol' });
    scenario.users.add('1900000001:carol', 'two', { user: 'carol' });
    expect(scenario.client({ username: '1900000000:carol', password: 'one' }).allocate().code).toBe(0);
    expect(scenario.server.allocationsOf('carol')).toBe(1);
    expect(scenario.client({ username: '1900000001:carol', password: 'two' }).allocate().code).toBe(486);
  });

  it('gets 508 when the server has as many allocations as it may, or is draining', () => {
    const scenario = new Scenario({ limits: { allocations: 1 } });
    const { client } = scenario.allocated();
    expect(scenario.client().allocate().code).toBe(508);
    client.refresh(0);
    scenario.server.startDraining();
    expect(scenario.client().allocate().code).toBe(508);
  });

  it('gets 437 on a five-tuple that has an allocation', () => {
    const scenario = new Scenario();
    scenario.users.add('bob', 'hello');
    const { client } = scenario.allocated();
    expect(client.allocate().code).toBe(437);
    client.username = 'bob';
    client.password = 'hello';
    expect(client.allocate().code).toBe(437);
    expect(scenario.server.population.allocations).toBe(1);
  });

  it('gets 437 before anything else that is wrong with it', () => {
    const { client } = new Scenario().allocated();
    expect(client.allocate({ transport: 132 }).code).toBe(437);
  });
});

describe('ports', () => {
  it('are told to be exhausted with 508, and can be had again as soon as one is free', () => {
    const scenario = new Scenario({ relayPorts: { low: 50_000, high: 50_003 } });
    const clients = [1, 2, 3, 4].map(() => scenario.allocated().client);
    expect(scenario.client().allocate().code).toBe(508);
    expect(scenario.client().allocate({ family: ipv6 }).code).toBe(0);
    clients[2]!.refresh(0);
    expect(scenario.client().allocate().code).toBe(0);
    expect(scenario.client().allocate().code).toBe(508);
  });

  it('are exhausted for EVEN-PORT when only odd ones are free', () => {
    const scenario = new Scenario({ relayPorts: { low: 50_000, high: 50_001 } });
    expect(scenario.client().allocate({ evenPort: 'reserve-nothing' }).relayed.port).toBe(50_000);
    expect(scenario.client().allocate({ evenPort: 'reserve-nothing' }).code).toBe(508);
    expect(scenario.client().allocate({ evenPort: 'reserve-next' }).code).toBe(508);
    expect(scenario.client().allocate().relayed.port).toBe(50_001);
  });

  it('held by other programs are passed over', () => {
    const scenario = new Scenario();
    let refused = 0;
    scenario.host.openFailure = () => (refused++ < 5 ? 'port-in-use' : undefined);
    expect(scenario.client().allocate().code).toBe(0);
    expect(refused).toBe(6);
    expect(scenario.server.freePorts(ipv4)).toBe(16_383);
  });

  it('are given up with 508 when other programs hold them all, and all of them are free again', () => {
    const scenario = new Scenario();
    scenario.host.openFailure = () => 'port-in-use';
    expect(scenario.client().allocate({ evenPort: 'reserve-next' }).code).toBe(508);
    expect(scenario.server.freePorts(ipv4)).toBe(16_384);
    expect(scenario.host.sockets.size).toBe(0);
    scenario.host.openFailure = () => undefined;
    expect(scenario.client().allocate().code).toBe(0);
  });

  it('give 508 at once when no socket can be had, and recover', () => {
    const scenario = new Scenario();
    scenario.host.openFailure = () => 'unavailable';
    const client = scenario.client();
    expect(client.allocate().code).toBe(508);
    expect(scenario.server.population).toMatchObject({ allocations: 0, users: 0 });
    scenario.host.openFailure = () => undefined;
    expect(client.allocate().code).toBe(0);
  });
});

describe('a dual allocation', () => {
  it('gives an address of each family, IPv4 first', () => {
    const scenario = new Scenario();
    const answer = scenario.client().allocate({ additionalFamily: ipv6 });
    expect(answer.relayedAddresses.map(({ ip }) => ip.family)).toEqual([ipv4, ipv6]);
    expect(answer.addressError).toBeUndefined();
    expect(scenario.server.population).toMatchObject({ allocations: 1, relayedAddresses: 2 });
    expect(scenario.server.allocationsOf('alice')).toBe(1);
  });

  it('gives the IPv4 half with ADDRESS-ERROR-CODE 440 when there is no IPv6 address', () => {
    const answer = new Scenario({ ipv6: undefined }).client().allocate({ additionalFamily: ipv6 });
    expect(answer.relayedAddresses.map(({ ip }) => ip.family)).toEqual([ipv4]);
    expect(answer.addressError).toEqual({ family: ipv6, code: 440 });
  });

  it('gives the IPv6 half with ADDRESS-ERROR-CODE 440 when there is no IPv4 address', () => {
    const answer = new Scenario({ ipv4: undefined }).client().allocate({ additionalFamily: ipv6 });
    expect(answer.relayedAddresses.map(({ ip }) => ip.family)).toEqual([ipv6]);
    expect(answer.addressError).toEqual({ family: ipv4, code: 440 });
  });

  it.each([ipv4, ipv6])('gives the other half with 508 when a socket of family %i cannot be had', (family) => {
    const scenario = new Scenario();
    scenario.host.openFailure = (relayed) => (relayed.family === family ? 'unavailable' : undefined);
    const answer = scenario.client().allocate({ additionalFamily: ipv6 });
    expect(answer.code).toBe(0);
    expect(answer.relayedAddresses.map(({ ip }) => ip.family)).toEqual([family === ipv4 ? ipv6 : ipv4]);
    expect(answer.addressError).toEqual({ family, code: 508 });
    expect(scenario.host.sockets.size).toBe(1);
  });

  it('is refused when neither family can be had', () => {
    const scenario = new Scenario();
    scenario.host.openFailure = () => 'unavailable';
    expect(scenario.client().allocate({ additionalFamily: ipv6 }).code).toBe(508);
    expect(new Scenario({ ipv4: undefined, ipv6: undefined }).client().allocate({ additionalFamily: ipv6 }).code).toBe(
      440,
    );
  });
});

describe('a retransmitted Allocate', () => {
  it('gets the very same answer and makes no second allocation', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate();
    client.refresh(0);
    const request = client.build(Method.allocate, allocateAttributes({ additionalFamily: ipv6 }));
    const first = client.exchange(request)!;
    scenario.pass(3);
    const second = client.exchange(request)!;
    expect(first.isSuccess).toBe(true);
    expect(second.bytes).toEqual(first.bytes);
    expect(scenario.server.population.allocations).toBe(1);
    expect(scenario.host.sockets.size).toBe(2);
  });

  it('is not answered twice while the socket is being opened', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    client.refresh(0);
    scenario.host.openDelayMs = 100;
    const request = client.build(Method.allocate, allocateAttributes({}));
    expect(client.exchange(request)).toBeUndefined();
    expect(client.exchange(request)).toBeUndefined();
    expect(dropped(scenario, 'request-in-progress')).toBe(1);
    scenario.pass(1);
    expect(client.answers.map(({ isSuccess }) => isSuccess)).toEqual([true]);
    expect(scenario.server.population.allocations).toBe(1);
  });

  it('of one that was refused is judged anew', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    scenario.host.openFailure = () => 'unavailable';
    client.allocate();
    const request = client.build(Method.allocate, allocateAttributes({}));
    expect(client.exchange(request)?.code).toBe(508);
    scenario.host.openFailure = () => undefined;
    expect(client.exchange(request)?.code).toBe(0);
  });
});

describe('an Allocate to a server that drains', () => {
  it('is sent to an alternate of its transport and family, by a signed 300', () => {
    const alternates = [address('60.0.0.1:3478'), address('[2a01:7::1]:3478')];
    const scenario = new Scenario({ alternateServers: { udp: alternates, tcp: [], tls: [] } });
    scenario.server.startDraining();
    for (const [at, alternate] of [
      ['30.9.9.9:1', alternates[0]],
      ['[2a01:9::9]:1', alternates[1]],
    ] as const) {
      const client = scenario.client({ at });
      const answer = client.allocate();
      expect(answer.code).toBe(300);
      expect(readAddress(answer.message, answer.message.find(Attribute.alternateServer))).toEqual(alternate);
      expect(answer.isSignedBy(client.key, 'sha1')).toBe(true);
    }
    expect(scenario.server.population.allocations).toBe(0);
  });

  it('gets 508 where no alternate is of its kind', () => {
    const scenario = new Scenario({ alternateServers: { udp: [address('[2a01:7::1]:3478')], tcp: [], tls: [] } });
    scenario.server.startDraining();
    expect(scenario.client().allocate().code).toBe(508);
  });
});
