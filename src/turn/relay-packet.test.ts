import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { channelData } from '../../test/virtual-network/virtual-client.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { writeFingerprint } from '../stun/fingerprint.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../stun/protocol.ts';

function bench(options: ConstructorParameters<typeof Scenario>[0] = {}) {
  const scenario = new Scenario(options);
  const { client, relayed } = scenario.allocated();
  const peer = scenario.peer();
  client.createPermission(peer.at);
  return { scenario, client, relayed, peer };
}

describe('Send and Data indications', () => {
  it('carry data both ways, of any length', () => {
    const { scenario, client, relayed, peer } = bench();
    for (const length of [0, 1, 2, 3, 4, 5, 1200, 9000]) {
      const data = String.fromCharCode(65 + (length % 26)).repeat(length);
      client.sendTo(peer.at, data);
      expect(peer.received.splice(0)).toEqual([{ from: relayed, data }]);
      peer.send(relayed, data);
      scenario.schedule.settle();
      expect(client.received.splice(0)).toEqual([{ peer: peer.at, channel: undefined, data }]);
    }
  });

  it('carry data over IPv6, between families of client and relay', () => {
    const scenario = new Scenario();
    for (const at of ['30.9.0.1:1', '[2a01::9]:1']) {
      const client = scenario.client({ at });
      const { relayed } = client.allocate({ family: AddressFamily.ipv6 });
      const peer = scenario.peer(`[2a02::${at.length}]:7000`);
      client.createPermission(peer.at);
      client.sendTo(peer.at, 'there');
      peer.send(relayed, 'back');
      scenario.schedule.settle();
      expect(peer.take()).toEqual(['there']);
      expect(client.received.splice(0)).toEqual([{ peer: peer.at, channel: undefined, data: 'back' }]);
    }
  });

  it('may have their attributes in any order', () => {
    const { client, scenario, peer } = bench();
    const writer = new MessageWriter().begin(MessageClass.indication, Method.send, client.transactionId());
    writer.attribute(Attribute.data, Buffer.from('first'));
    writeXorAddress(writer, Attribute.xorPeerAddress, peer.at);
    client.send(writer.finish());
    scenario.schedule.settle();
    expect(peer.take()).toEqual(['first']);
  });

  it('may ask that the packet is not fragmented', () => {
    const { client, scenario, peer } = bench();
    const asked: boolean[] = [];
    scenario.host.observer = { toPeer: ({ dontFragment }) => asked.push(dontFragment) };
    client.sendTo(peer.at, 'whole', (writer) => writer.flag(Attribute.dontFragment));
    client.sendTo(peer.at, 'or not');
    expect(asked).toEqual([true, false]);
    expect(peer.take()).toEqual(['whole', 'or not']);
  });

  it('are dropped with DONT-FRAGMENT where sockets cannot do it', () => {
    const { client, scenario, peer } = bench({ dontFragment: false });
    client.sendTo(peer.at, 'whole', (writer) => writer.flag(Attribute.dontFragment));
    expect(peer.take()).toEqual([]);
    expect(scenario.server.counters.dropped('bad-send-indication')).toBe(1);
  });

  it('are dropped without permission, allocation, peer, data, or with an unknown attribute', () => {
    const { client, scenario, peer } = bench();
    const { counters } = scenario.server;
    client.sendTo(scenario.peer().at, 'no permission');
    expect(counters.dropped('no-permission')).toBe(1);
    scenario.client().sendTo(peer.at, 'no allocation');
    expect(counters.dropped('no-allocation')).toBe(1);
    client.sendTo(peer.at, 'unknown attribute', (writer) => writer.flag(0x7abc));
    const writer = new MessageWriter().begin(MessageClass.indication, Method.send, client.transactionId());
    client.send(writer.finish());
    client.send(writer.attribute(Attribute.data, Buffer.from('no peer')).finish());
    writeXorAddress(
      writer.begin(MessageClass.indication, Method.send, client.transactionId()),
      Attribute.xorPeerAddress,
      peer.at,
    );
    client.send(writer.finish());
    scenario.schedule.settle();
    expect(counters.dropped('bad-send-indication')).toBe(4);
    client.sendTo({ ...peer.at, port: 0 }, 'port 0');
    expect(counters.dropped('bad-peer-port')).toBe(1);
    expect(peer.take()).toEqual([]);
  });

  it('are dropped with a wrong FINGERPRINT', () => {
    const { client, scenario, peer } = bench();
    const writer = new MessageWriter().begin(MessageClass.indication, Method.send, client.transactionId());
    writeXorAddress(writer, Attribute.xorPeerAddress, peer.at);
    writer.attribute(Attribute.data, Buffer.from('x'));
    writeFingerprint(writer);
    const right = writer.finish();
    const wrong = writer.finish();
    wrong[wrong.length - 1]! ^= 1;
    for (const bytes of [right, wrong]) client.send(bytes);
    scenario.schedule.settle();
    expect(peer.take()).toEqual(['x']);
    expect(scenario.server.counters.dropped('bad-fingerprint')).toBe(1);
  });

  it('to a peer of the other family are dropped', () => {
    const { client, scenario } = bench();
    client.sendTo(address('[2a02::1]:9'), 'x');
    expect(scenario.server.counters.dropped('no-permission')).toBe(1);
  });
});

describe('ChannelData', () => {
  it('carries data both ways, of any length', () => {
    const { scenario, client, relayed, peer } = bench();
    client.channelBind(0x4abc, peer.at);
    for (const length of [0, 1, 2, 3, 4, 1200, 60_000]) {
      const data = 'z'.repeat(length);
      client.sendOn(0x4abc, data);
      expect(peer.received.splice(0)).toEqual([{ from: relayed, data }]);
      peer.send(relayed, data);
      scenario.schedule.settle();
      expect(client.received.splice(0)).toEqual([{ peer: undefined, channel: 0x4abc, data }]);
    }
  });

  it('may be padded by the client, and is not padded by the server', () => {
    const { scenario, client, relayed, peer } = bench();
    client.channelBind(0x4000, peer.at);
    client.send(Buffer.concat([channelData(0x4000, 'abc'), Buffer.from('!')]));
    scenario.schedule.settle();
    expect(peer.take()).toEqual(['abc']);
    const lengths: number[] = [];
    scenario.host.observer = { toClient: ({ start, end }) => lengths.push(end - start) };
    peer.send(relayed, 'abc');
    scenario.schedule.settle();
    expect(lengths).toEqual([7]);
  });

  it('is dropped when it is shorter than it says, or on a channel that is not bound', () => {
    const { scenario, client, peer } = bench();
    client.channelBind(0x4000, peer.at);
    const { counters } = scenario.server;
    for (const length of [1, 2, 3, 6]) client.send(channelData(0x4000, 'abc').subarray(0, length));
    scenario.schedule.settle();
    expect(counters.dropped('bad-channel-length')).toBe(4);
    client.sendOn(0x4001, 'x');
    client.sendOn(0x7fff, 'x');
    scenario.client().sendOn(0x4000, 'x');
    expect(counters.dropped('unknown-channel')).toBe(3);
    expect(peer.take()).toEqual([]);
  });

  it('on the same channel number of two clients goes to each one’s peer', () => {
    const { scenario, client, peer } = bench();
    const other = scenario.allocated();
    const otherPeer = scenario.peer();
    client.channelBind(0x4000, peer.at);
    other.client.channelBind(0x4000, otherPeer.at);
    client.sendOn(0x4000, 'one');
    other.client.sendOn(0x4000, 'two');
    expect([peer.take(), otherPeer.take()]).toEqual([['one'], ['two']]);
  });

  it('from a peer leaves as a Data indication once the channel has expired', () => {
    const { scenario, client, relayed, peer } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.pass(590);
    client.createPermission(peer.at);
    client.refresh();
    scenario.pass(10);
    peer.send(relayed, 'x');
    scenario.schedule.settle();
    expect(client.received).toEqual([{ peer: peer.at, channel: undefined, data: 'x' }]);
  });
});

describe('packets from peers', () => {
  it('too large for a Data indication are dropped', () => {
    const { scenario, client, relayed, peer } = bench();
    // 36 bytes of header and the padding must fit into 65,507 as well.
    peer.send(relayed, Buffer.alloc(65_468));
    peer.send(relayed, Buffer.alloc(65_469));
    scenario.schedule.settle();
    expect(client.received).toHaveLength(1);
    expect(scenario.server.counters.dropped('too-large')).toBe(1);
  });

  it('after the end of the allocation reach nobody', () => {
    const { scenario, client, relayed, peer } = bench();
    client.refresh(0);
    peer.send(relayed, 'x');
    scenario.schedule.settle();
    expect(client.take()).toEqual([]);
    expect(scenario.network.undeliverable).toBe(1);
  });

  it('handed in after the socket was closed reach nobody, though its number is in use again', () => {
    const { scenario, client, relayed, peer } = bench();
    const closed = scenario.socketOf(relayed);
    client.refresh(0);
    const other = scenario.allocated();
    other.client.channelBind(0x4000, peer.at);
    expect(scenario.socketOf(other.relayed).id).toBe(closed.id);
    scenario.host.fromPeer(closed, peer.at, Buffer.from('late'));
    scenario.schedule.settle();
    expect([client.take(), other.client.take()]).toEqual([[], []]);
    expect(scenario.server.counters.dropped('no-such-relay')).toBe(1);
  });

  it('are counted, with the payload alone, for the allocation and the server', () => {
    const { scenario, client, relayed, peer } = bench();
    client.sendTo(peer.at, '12345');
    peer.send(relayed, '123');
    peer.send(relayed, '1');
    scenario.schedule.settle();
    const [allocation] = scenario.server.allocations;
    expect(allocation).toMatchObject({ fromClient: { packets: 1, bytes: 5 }, toClient: { packets: 2, bytes: 4 } });
    expect(scenario.server.counters).toMatchObject({
      fromClients: { packets: 1, bytes: 5 },
      toClients: { packets: 2, bytes: 4 },
    });
  });
});
