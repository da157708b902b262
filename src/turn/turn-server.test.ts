import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { writeFingerprint } from '../stun/fingerprint.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';

const id = Buffer.from('abcdefghijkl');
const message = (messageClass: MessageClass, method: number) =>
  new MessageWriter().begin(messageClass, method, id).finish();

describe('Binding', () => {
  it('is answered with the address that it came from, over IPv4 and IPv6', () => {
    const scenario = new Scenario();
    for (const at of ['30.1.2.3:4567', '[2a01:2:3::4]:4567']) {
      const client = scenario.client({ at });
      const answer = client.request(Method.binding);
      expect(answer.mapped).toEqual(client.at);
      expect(answer.attributeTypes).toEqual([Attribute.xorMappedAddress]);
    }
  });

  it('with FINGERPRINT is answered with one, and dropped when it is wrong', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    expect(client.request(Method.binding, () => {}, { fingerprint: true }).has(Attribute.fingerprint)).toBe(true);
    const wrong = client.build(Method.binding, () => {}, { fingerprint: true });
    wrong[wrong.length - 1]! ^= 1;
    expect(client.exchange(wrong)).toBeUndefined();
    expect(scenario.server.counters.dropped('bad-fingerprint')).toBe(1);
  });

  it('with FINGERPRINT that is not last is dropped', () => {
    const client = new Scenario().client();
    const request = client.build(Method.binding, (writer) => {
      writeFingerprint(writer);
      writer.flag(0xc001);
    });
    expect(client.exchange(request)).toBeUndefined();
  });

  it('with unknown comprehension-required attributes gets 420 and their list', () => {
    const client = new Scenario().client();
    const answer = client.request(Method.binding, (writer) => writer.flag(0x7001).flag(0xff01).flag(0x7002));
    expect(answer.code).toBe(420);
    expect(answer.unknownAttributes).toEqual([0x7001, 0x7002]);
  });

  it('as an indication is taken in silence', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    expect(client.exchange(message(MessageClass.indication, Method.binding))).toBeUndefined();
    expect(scenario.server.counters.dropped('not-a-request')).toBe(0);
  });
});

describe('of every class and method', () => {
  const classes = Object.entries(MessageClass);
  const methods = [...Object.values(Method), 0, 2, 5, 0xfff];
  const all = classes.flatMap(([name, messageClass]) => methods.map((method) => [name, method, messageClass] as const));
  // Connect and ConnectionBind requests belong to the tests of TCP relays.
  const tcp: number[] = [Method.connect, Method.connectionBind];
  it.each(all.filter(([name, method]) => name !== 'request' || !tcp.includes(method)))(
    '%s of method 0x%x: an answer goes to known requests alone',
    (name, method, messageClass) => {
      const scenario = new Scenario();
      const { client } = scenario.allocated();
      const known: number[] = [
        Method.binding,
        Method.allocate,
        Method.refresh,
        Method.createPermission,
        Method.channelBind,
      ];
      const answer = client.exchange(message(messageClass, method));
      expect(answer !== undefined).toBe(name === 'request' && known.includes(method));
      if (name === 'request' && answer === undefined) {
        expect(scenario.server.counters.dropped('unknown-method')).toBe(1);
      }
      if (messageClass === MessageClass.success || messageClass === MessageClass.error) {
        expect(scenario.server.counters.dropped('not-a-request')).toBe(1);
      }
    },
  );
});

describe('what is no message', () => {
  const binding = message(MessageClass.request, Method.binding);
  const changed = (change: (bytes: Buffer) => void, length = 20) => {
    const bytes = Buffer.concat([binding, Buffer.alloc(4)]).subarray(0, length);
    change(bytes);
    return bytes;
  };
  it.each([
    ['nothing', Buffer.alloc(0), 'not-stun'],
    ['one byte', Buffer.from([0]), 'bad-length'],
    ['half a header', binding.subarray(0, 19), 'bad-length'],
    ['RTP', Buffer.alloc(40, 0x80), 'not-stun'],
    ['another cookie', changed((bytes) => bytes.writeUInt32BE(1, 4)), 'no-magic-cookie'],
    ['a length that is no multiple of 4', changed((bytes) => bytes.writeUInt16BE(3, 2), 23), 'bad-length'],
    ['a length beyond the end', changed((bytes) => bytes.writeUInt16BE(8, 2), 24), 'bad-length'],
    ['a length before the end', changed(() => {}, 24), 'bad-length'],
    [
      'an attribute beyond the end',
      changed((bytes) => {
        bytes.writeUInt16BE(4, 2);
        bytes.writeUInt16BE(4, 22);
      }, 24),
      'bad-attribute',
    ],
    ['ChannelData without a channel', Buffer.from([0x40, 0, 0, 0]), 'unknown-channel'],
    ['half a ChannelData header', Buffer.from([0x40, 0]), 'bad-channel-length'],
  ] as const)('%s is dropped as %s', (_, bytes, reason) => {
    const scenario = new Scenario();
    expect(scenario.client().exchange(Buffer.concat([bytes, Buffer.alloc(0)]))).toBeUndefined();
    expect(scenario.server.counters.dropped(reason)).toBe(1);
  });

  it('too many attributes are dropped', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    const request = client.build(Method.binding, (writer) => {
      for (let i = 0; i < 193; i++) writer.flag(0xc000 + i);
    });
    expect(client.exchange(request)).toBeUndefined();
    expect(scenario.server.counters.dropped('too-many-attributes')).toBe(1);
  });
});

describe('the server', () => {
  it('keeps apart the five-tuples of two listeners', () => {
    const scenario = new Scenario();
    const other = { id: 7, transport: 'udp', local: address('40.0.0.1:3479') } as const;
    scenario.host.listen(other);
    const { client } = scenario.allocated();
    const refresh = client.build(Method.refresh);
    scenario.host.fromClient(other, client.at, refresh);
    scenario.schedule.settle();
    expect(client.answers.map(({ code }) => code)).toEqual([437]);
    expect(client.exchange(refresh)?.code).toBe(0);
  });

  it('counts successes by method, errors by code, and a first challenge as neither', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    client.request(Method.binding);
    client.refresh();
    client.refresh();
    client.allocate();
    const { counters } = scenario.server;
    expect([...counters.successes]).toEqual([
      [Method.binding, 1],
      [Method.allocate, 1],
      [Method.refresh, 2],
    ]);
    expect([...counters.errors]).toEqual([[437, 1]]);
    expect(counters.challenges).toBe(1);
  });

  it('tells when something is due, and infinity when nothing is', () => {
    const scenario = new Scenario();
    expect(scenario.server.nextDeadline).toBe(Number.POSITIVE_INFINITY);
    const { client } = scenario.allocated();
    expect(scenario.server.nextDeadline).toBe(600_000);
    client.createPermission(scenario.peer().at);
    expect(scenario.server.nextDeadline).toBe(300_000);
    client.refresh(0);
    expect(scenario.server.nextDeadline).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends what is due before it looks at a packet, though the timer is late', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const refresh = client.build(Method.refresh);
    scenario.host.run = () => {};
    scenario.schedule.advance(600_000);
    const outputs: number[] = [];
    scenario.host.fromClient(scenario.listener, client.at, refresh);
    for (const output of scenario.server.takeOutputs()) {
      if (output.kind === 'transmit') outputs.push(output.bytes.readUInt16BE(0));
    }
    // An error answer, 437: the allocation has ended in the same millisecond.
    expect(outputs).toEqual([0x0114]);
    expect(scenario.server.population.allocations).toBe(0);
  });

  it('goes on relaying while it drains, and refuses new allocations', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const peer = scenario.peer();
    scenario.server.startDraining();
    expect(client.createPermission(peer.at).code).toBe(0);
    client.sendTo(peer.at, 'x');
    expect(peer.take()).toEqual(['x']);
    expect(client.refresh().code).toBe(0);
    expect(scenario.client().allocate().code).toBe(508);
  });

  it('keeps allocations when its relay address changes; new ones get the new address', () => {
    const scenario = new Scenario();
    const { client, relayed } = scenario.allocated();
    const peer = scenario.peer();
    const { ip } = address('41.0.0.1:0');
    scenario.server.setRelayAddress(ip.family, { local: ip, external: ip });
    client.createPermission(peer.at);
    client.sendTo(peer.at, 'x');
    expect(peer.received).toMatchObject([{ from: relayed }]);
    expect(scenario.allocated().relayed.ip.text).toBe('41.0.0.1');
    scenario.server.setRelayAddress(ip.family, undefined);
    expect(scenario.client().allocate().code).toBe(440);
    expect(client.refresh().code).toBe(0);
  });
});
