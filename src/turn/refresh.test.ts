import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { AddressFamily, Attribute, Method } from '../stun/protocol.ts';

const { ipv4, ipv6 } = AddressFamily;

describe('Refresh', () => {
  it.each([
    ['no LIFETIME', undefined, 600],
    ['less than the default', 1, 600],
    ['the default', 600, 600],
    ['between', 1801, 1801],
    ['more than the most', 4000, 3600],
  ])('with %s grants a lifetime from now on', (_, asked, granted) => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    scenario.pass(500);
    const answer = client.refresh(asked);
    expect(answer.lifetimeSeconds).toBe(granted);
    expect(answer.isSignedBy(client.key, 'sha1')).toBe(true);
    scenario.pass(granted - 0.001);
    expect(scenario.server.population.allocations).toBe(1);
    scenario.pass(0.001);
    expect(scenario.server.population).toMatchObject({ allocations: 0, relayedAddresses: 0, deadlines: 0 });
    expect(scenario.host.sockets.size).toBe(0);
  });

  it('may shorten a lifetime', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ lifetimeSeconds: 3600 });
    expect(client.refresh(700).lifetimeSeconds).toBe(700);
    scenario.pass(700);
    expect(scenario.server.population.allocations).toBe(0);
  });

  it('with lifetime 0 frees the port at once', () => {
    const scenario = new Scenario({ relayPorts: { low: 50_000, high: 50_000 } });
    const { client } = scenario.allocated();
    const answer = client.refresh(0);
    expect(answer.code).toBe(0);
    expect(answer.lifetimeSeconds).toBe(0);
    expect(scenario.host.sockets.size).toBe(0);
    expect(scenario.client().allocate().relayed.port).toBe(50_000);
    expect(scenario.host.events).toContainEqual(
      expect.objectContaining({ kind: 'allocation-ended', reason: 'refreshed-to-zero' }),
    );
  });

  it('without an allocation gets 437, also with lifetime 0', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    expect(client.refresh().code).toBe(437);
    client.allocate();
    client.refresh(0);
    expect(client.refresh(0).code).toBe(437);
  });

  it('on another five-tuple of the same user gets 437', () => {
    const scenario = new Scenario();
    scenario.allocated();
    expect(scenario.client().refresh(0).code).toBe(437);
    expect(scenario.server.population.allocations).toBe(1);
  });

  it('by another user gets 441, as does every method', () => {
    const scenario = new Scenario();
    scenario.users.add('bob', 'hello');
    const { client } = scenario.allocated();
    client.username = 'bob';
    client.password = 'hello';
    const peer = scenario.peer().at;
    const codes = [client.refresh(0), client.createPermission(peer), client.channelBind(0x4000, peer)];
    expect(codes.map(({ code }) => code)).toEqual([441, 441, 441]);
    expect(scenario.server.population).toMatchObject({ allocations: 1, permissions: 0, channels: 0 });
  });

  it('that is malformed gets 400 and changes nothing', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const bad = (type: number) => client.request(Method.refresh, (writer) => void writer.reserve(type, 2)).code;
    expect(bad(Attribute.lifetime)).toBe(400);
    expect(bad(Attribute.requestedAddressFamily)).toBe(400);
    scenario.pass(599.999);
    expect(scenario.server.population.allocations).toBe(1);
  });

  it('for a family that the allocation has not gets 443', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    expect(client.refresh(600, ipv6).code).toBe(443);
    expect(client.refresh(600, 7 as AddressFamily).code).toBe(443);
    expect(client.refresh(600, ipv4).code).toBe(0);
  });
});

describe('Refresh of a dual allocation', () => {
  function dual() {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ additionalFamily: ipv6 });
    return { scenario, client };
  }

  it('prolongs both halves, or the one asked for', () => {
    const { scenario, client } = dual();
    scenario.pass(300);
    client.refresh(600, ipv6);
    scenario.pass(300);
    expect([...scenario.host.sockets.keys()].map(({ family }) => family)).toEqual([ipv6]);
    client.refresh(1000);
    scenario.pass(999);
    expect(scenario.server.population.allocations).toBe(1);
    scenario.pass(1);
    expect(scenario.server.population).toMatchObject({ allocations: 0, relayedAddresses: 0, users: 0, deadlines: 0 });
  });

  it.each([ipv4, ipv6])('ends half %i alone with lifetime 0', (family) => {
    const { scenario, client } = dual();
    const other = family === ipv4 ? ipv6 : ipv4;
    expect(client.refresh(0, family).lifetimeSeconds).toBe(0);
    expect([...scenario.host.sockets.keys()].map((socket) => socket.family)).toEqual([other]);
    expect(client.refresh(0, family).code).toBe(443);
    expect(client.refresh(0, other).code).toBe(0);
    expect(scenario.server.population).toMatchObject({ allocations: 0, relayedAddresses: 0, users: 0 });
    expect(client.refresh(0, other).code).toBe(437);
  });

  it('ends both halves with lifetime 0 and no family', () => {
    const { scenario, client } = dual();
    client.refresh(0);
    expect(scenario.host.sockets.size).toBe(0);
    expect(scenario.host.events.filter(({ kind }) => kind === 'allocation-ended')).toHaveLength(1);
  });
});
