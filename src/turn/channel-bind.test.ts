import { describe, expect, it } from 'vitest';
import { LISTENER, Scenario } from '../../test/virtual-network/scenario.ts';
import { channelAttributes, peerAttributes } from '../../test/virtual-network/virtual-client.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { writeChannelNumber } from '../stun/attributes/allocation.ts';
import { AddressFamily, Attribute, Method } from '../stun/protocol.ts';

function bench(options: ConstructorParameters<typeof Scenario>[0] = {}) {
  const scenario = new Scenario(options);
  const client = scenario.client();
  const { relayed } = client.allocate({ lifetimeSeconds: 3600 });
  return { scenario, client, relayed, peer: scenario.peer() };
}

describe('ChannelBind', () => {
  it.each([
    [0x0000, 400],
    [0x3fff, 400],
    [0x4000, 0],
    [0x4fff, 0],
    [0x5000, 400],
    [0x7fff, 400],
    [0x8000, 400],
    [0xffff, 400],
  ])('of channel 0x%x gets %i', (channel, code) => {
    const { client, peer } = bench();
    expect(client.channelBind(channel, peer.at).code).toBe(code);
  });

  it.each([
    [0x3fff, 400],
    [0x5000, 0],
    [0x7fff, 0],
    [0x8000, 400],
  ])('of channel 0x%x with the range of RFC 5766 gets %i', (channel, code) => {
    const { client, peer } = bench({ rfc5766Channels: true });
    expect(client.channelBind(channel, peer.at).code).toBe(code);
  });

  it('gives a permission too', () => {
    const { scenario, client, relayed, peer } = bench();
    expect(client.channelBind(0x4000, peer.at).code).toBe(0);
    expect(scenario.server.population).toMatchObject({ channels: 1, permissions: 1 });
    const neighbour = scenario.peer(`${peer.at.ip.text}:7001`);
    neighbour.send(relayed, 'from another port of the peer');
    scenario.schedule.settle();
    expect(client.received).toMatchObject([{ channel: undefined, data: 'from another port of the peer' }]);
  });

  it('of a channel that is bound to another peer, or of a peer that has another channel, gets 400', () => {
    const { scenario, client, peer } = bench();
    const other = scenario.peer();
    client.channelBind(0x4000, peer.at);
    expect(client.channelBind(0x4000, other.at).code).toBe(400);
    expect(client.channelBind(0x4000, { ...peer.at, port: 1 }).code).toBe(400);
    expect(client.channelBind(0x4001, peer.at).code).toBe(400);
    expect(client.channelBind(0x4001, { ...peer.at, port: 1 }).code).toBe(0);
    expect(scenario.server.population).toMatchObject({ channels: 2, permissions: 1 });
  });

  it('of the same channel to the same peer renews it and its permission', () => {
    const { scenario, client, peer } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.pass(599);
    expect(scenario.server.population.permissions).toBe(1);
    expect(client.channelBind(0x4000, peer.at).code).toBe(0);
    scenario.pass(299);
    client.sendOn(0x4000, 'still open');
    expect(peer.take()).toEqual(['still open']);
    expect(scenario.server.population).toMatchObject({ channels: 1, permissions: 1 });
  });

  it('lasts 600 seconds; then the channel is free for another peer', () => {
    const { scenario, client, peer } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.pass(599.999);
    expect(scenario.server.population.channels).toBe(1);
    scenario.pass(0.001);
    expect(scenario.server.population).toMatchObject({ channels: 0, permissions: 0, deadlines: 1 });
    expect(client.channelBind(0x4000, scenario.peer().at).code).toBe(0);
    expect(client.channelBind(0x4001, peer.at).code).toBe(0);
  });

  it('is not renewed by CreatePermission or by traffic', () => {
    const { scenario, client, peer } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.pass(299);
    client.createPermission(peer.at);
    scenario.pass(299);
    client.createPermission(peer.at);
    client.sendOn(0x4000, 'x');
    scenario.pass(2);
    expect(scenario.server.population).toMatchObject({ channels: 0, permissions: 1 });
  });

  it('whose permission has expired carries nothing until the permission is given again', () => {
    const { scenario, client, relayed, peer } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.pass(300);
    client.sendOn(0x4000, 'lost');
    peer.send(relayed, 'lost');
    scenario.schedule.settle();
    expect(scenario.server.counters.dropped('no-permission')).toBe(2);
    client.createPermission(peer.at);
    client.sendOn(0x4000, 'there');
    peer.send(relayed, 'and back');
    scenario.schedule.settle();
    expect(peer.take()).toEqual(['there']);
    expect(client.received).toMatchObject([{ channel: 0x4000, data: 'and back' }]);
  });

  it('to a denied peer gets 403, to one of the wrong family 443', () => {
    const { scenario, client } = bench();
    expect(client.channelBind(0x4000, address('127.0.0.1:9')).code).toBe(403);
    expect(client.channelBind(0x4000, address('[2a02::1]:9')).code).toBe(443);
    expect(scenario.server.population).toMatchObject({ channels: 0, permissions: 0 });
  });

  it('to a port on which the server listens gets 403', () => {
    const { client } = bench();
    expect(client.channelBind(0x4000, LISTENER).code).toBe(403);
  });

  it('with a missing or malformed attribute gets 400', () => {
    const { client, peer } = bench();
    const codes = [
      client.request(Method.channelBind),
      client.request(Method.channelBind, peerAttributes([peer.at])),
      client.request(Method.channelBind, (writer) => writeChannelNumber(writer, 0x4000)),
      client.request(Method.channelBind, (writer) => {
        writer.reserve(Attribute.channelNumber, 2);
        peerAttributes([peer.at])(writer);
      }),
      client.request(Method.channelBind, (writer) => {
        writeChannelNumber(writer, 0x4000);
        writer.reserve(Attribute.xorPeerAddress, 5);
      }),
    ];
    expect(codes.map(({ code }) => code)).toEqual([400, 400, 400, 400, 400]);
  });

  it('gets 437 without an allocation', () => {
    const scenario = new Scenario();
    expect(scenario.client().channelBind(0x4000, scenario.peer().at).code).toBe(437);
  });

  it('gets 508 for more channels than an allocation may have; renewing stays possible', () => {
    const { scenario, client, peer } = bench();
    for (let i = 0; i < 256; i++) expect(client.channelBind(0x4000 + i, { ...peer.at, port: 1000 + i }).code).toBe(0);
    expect(client.channelBind(0x4100, { ...peer.at, port: 2000 }).code).toBe(508);
    expect(client.channelBind(0x4000, { ...peer.at, port: 1000 }).code).toBe(0);
    expect(scenario.server.population).toMatchObject({ channels: 256, permissions: 1 });
  });

  it('gets 508 when it would need one permission too many', () => {
    const { scenario, client, peer } = bench({ limits: { permissionsPerAllocation: 1 } });
    client.createPermission(peer.at);
    expect(client.channelBind(0x4000, scenario.peer().at).code).toBe(508);
    expect(client.channelBind(0x4000, peer.at).code).toBe(0);
  });

  it('over the rate of new peers goes unanswered', () => {
    const { scenario, client, peer } = bench({ limits: { newPeers: { perSecond: 1, burst: 1 } } });
    expect(client.channelBind(0x4000, peer.at).code).toBe(0);
    const request = client.build(Method.channelBind, channelAttributes(0x4001, scenario.peer().at));
    expect(client.exchange(request)).toBeUndefined();
    scenario.pass(1);
    expect(client.exchange(request)?.code).toBe(0);
  });

  it('works with both halves of a dual allocation, and ends with its half', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ additionalFamily: AddressFamily.ipv6 });
    const [four, six] = [scenario.peer(), scenario.peer('[2a02::1]:7000')];
    client.channelBind(0x4000, four.at);
    client.channelBind(0x4001, six.at);
    client.sendOn(0x4000, '4');
    client.sendOn(0x4001, '6');
    expect([four.take(), six.take()]).toEqual([['4'], ['6']]);
    client.refresh(0, AddressFamily.ipv4);
    expect(scenario.server.population).toMatchObject({ channels: 1, permissions: 1 });
    client.sendOn(0x4000, '4');
    client.sendOn(0x4001, '6');
    expect([four.take(), six.take()]).toEqual([[], ['6']]);
  });
});
