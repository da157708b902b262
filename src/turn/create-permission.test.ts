import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { peerAttributes } from '../../test/virtual-network/virtual-client.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { AddressFamily, Attribute, Method } from '../stun/protocol.ts';

const peers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => address(`20.1.${(from + i) >>> 8}.${(from + i) & 255}:9`));

describe('CreatePermission', () => {
  it('permits several peers at once, of both families in a dual allocation', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ additionalFamily: AddressFamily.ipv6 });
    const answer = client.createPermission(...peers(3), address('[2a02::1]:9'));
    expect(answer.code).toBe(0);
    expect(answer.attributeTypes).toEqual([Attribute.messageIntegrity]);
    expect(scenario.server.population.permissions).toBe(4);
  });

  it('permits an IP address, whatever its port', () => {
    const scenario = new Scenario();
    const { client, relayed } = scenario.allocated();
    const peer = scenario.peer('20.0.0.1:1111');
    const otherPort = scenario.peer('20.0.0.1:2222');
    const stranger = scenario.peer('20.0.0.2:1111');
    client.createPermission(address('20.0.0.1:0'));
    for (const sender of [peer, otherPort, stranger]) sender.send(relayed, sender.at.port.toString());
    scenario.schedule.settle();
    expect(client.take()).toEqual(['1111', '2222']);
    expect(scenario.server.counters.dropped('no-permission')).toBe(1);
  });

  it.each([
    ['none', [], 400],
    ['one that is in a denied range', ['20.1.1.1:9', '10.0.0.1:9'], 403],
    ['one of the other family', ['20.1.1.1:9', '[2a02::1]:9'], 443],
    ['one of the other family before a denied one', ['[2a02::1]:9', '10.0.0.1:9'], 443],
  ])('gives no permission at all when of its peers there is %s', (_, texts, code) => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    expect(client.createPermission(...texts.map(address)).code).toBe(code);
    expect(scenario.server.population.permissions).toBe(0);
  });

  it('gives no permission at all when one address is malformed', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    for (const length of [0, 4, 9, 20]) {
      const answer = client.request(Method.createPermission, (writer) => {
        peerAttributes(peers(1))(writer);
        writer.reserve(Attribute.xorPeerAddress, length);
      });
      expect(answer.code).toBe(400);
    }
    expect(scenario.server.population.permissions).toBe(0);
  });

  it('gets 437 without an allocation', () => {
    expect(new Scenario().client().createPermission(...peers(1)).code).toBe(437);
  });

  it('gets 508 for more permissions than an allocation may have, all or nothing; renewing stays possible', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    for (let i = 0; i < 250; i += 50) expect(client.createPermission(...peers(50, i)).code).toBe(0);
    expect(client.createPermission(...peers(7, 250)).code).toBe(508);
    expect(scenario.server.population.permissions).toBe(250);
    expect(client.createPermission(...peers(6, 250)).code).toBe(0);
    expect(client.createPermission(...peers(1, 256)).code).toBe(508);
    expect(client.createPermission(...peers(100)).code).toBe(0);
    expect(client.createPermission(...peers(1), ...peers(1)).code).toBe(0);
    expect(scenario.server.population.permissions).toBe(256);
  });

  it('lasts 300 seconds from the last time it was given', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ lifetimeSeconds: 3600 });
    const peer = scenario.peer();
    client.createPermission(peer.at);
    scenario.pass(299.999);
    client.sendTo(peer.at, 'in time');
    expect(client.createPermission(peer.at).code).toBe(0);
    scenario.pass(299.999);
    client.sendTo(peer.at, 'in time again');
    scenario.pass(0.001);
    client.sendTo(peer.at, 'too late');
    expect(peer.take()).toEqual(['in time', 'in time again']);
    expect(scenario.server.population).toMatchObject({ permissions: 0, deadlines: 1 });
  });

  it('is not renewed by traffic', () => {
    const scenario = new Scenario();
    const { client, relayed } = scenario.allocated();
    const peer = scenario.peer();
    client.createPermission(peer.at);
    scenario.pass(299);
    client.sendTo(peer.at, 'x');
    peer.send(relayed, 'y');
    scenario.pass(1);
    expect(scenario.server.population.permissions).toBe(0);
  });

  it('over the rate of new peers goes unanswered, and its retransmission succeeds', () => {
    const scenario = new Scenario({ limits: { newPeers: { perSecond: 5, burst: 64 } } });
    const { client } = scenario.allocated();
    for (let i = 0; i < 64; i++) expect(client.createPermission(...peers(1, i)).code).toBe(0);
    const request = client.build(Method.createPermission, peerAttributes(peers(1, 64)));
    expect(client.exchange(request)).toBeUndefined();
    expect(scenario.server.counters.dropped('new-peer-rate')).toBe(1);
    // A peer that is known costs nothing.
    expect(client.createPermission(...peers(1)).code).toBe(0);
    scenario.pass(0.2);
    expect(client.exchange(request)?.code).toBe(0);
    expect(scenario.server.population.permissions).toBe(65);
  });

  it('judges a peer anew when it renews a permission', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const peer = scenario.peer('20.0.0.9:53');
    client.createPermission(peer.at);
    client.sendTo(peer.at, 'a stranger');
    scenario.policy.setOwnServices([peer.at]);
    expect(client.createPermission(peer.at).code).toBe(0);
    client.sendTo(peer.at, 'a service of our own');
    expect(peer.take()).toEqual(['a stranger']);
    expect(scenario.server.counters.dropped('own-service')).toBe(1);
  });
});
