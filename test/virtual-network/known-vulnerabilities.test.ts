import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type IpAddress, isIpv4Mapped, type TransportAddress } from '../../src/stun/ip-address.ts';
import { MessageWriter } from '../../src/stun/message-writer.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import { deniedByDefault } from '../../src/turn/peer-policy.ts';
import { Scenario } from './scenario.ts';
import { allocateAttributes, channelData } from './virtual-client.ts';
import { address } from './virtual-network.ts';

const { ipv4, ipv6 } = AddressFamily;

/** The shipped limits on answers to sources that have proved nothing. */
const unauthenticatedAnswers = {
  perAddress: { perSecond: 100, burst: 1000 },
  perNetwork: { perSecond: 1000, burst: 10_000 },
};

/** Where attackers have pointed relays at: the start of every denied range, and the addresses named in reports. */
const deniedPeers: TransportAddress[] = [
  ...deniedByDefault.map((cidr) => cidr.replace(/\/.*/, '')),
  '0.0.0.0',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '10.255.255.255',
  '172.31.0.1',
  '192.168.1.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:0.0.0.0',
  '::ffff:127.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::a00:1',
  '2002:7f00:1::1',
  '2002:a9fe:a9fe::',
  'fe80::1',
  'fd00:ec2::254',
  'ff02::1',
].map((ip) => address(ip.includes(':') ? `[${ip}]:6379` : `${ip}:6379`));

/** The address that a packet would really reach, where an IPv6 form hides one. */
function hidden(ip: IpAddress): TransportAddress | undefined {
  return isIpv4Mapped(ip) ? address(`${ip.text.replace('::ffff:', '')}:6379`) : undefined;
}

describe('peers on internal networks (CVE-2020-26262, CVE-2026-27624, -53450, -73212, -73213)', () => {
  function bench() {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ additionalFamily: ipv6 });
    let left = 0;
    scenario.host.observer = { toPeer: () => void left++ };
    return { scenario, client, left: () => left };
  }

  it.each(deniedPeers.map((peer) => [peer.ip.text, peer] as const))('%s is no peer, by any method', (_, peer) => {
    const { scenario, client, left } = bench();
    const listeners = [peer, hidden(peer.ip)].flatMap((at) => (at ? [scenario.peer(`${bracketed(at.ip)}:6379`)] : []));
    expect(client.createPermission(peer).code).toBe(403);
    expect(client.createPermission(address('20.0.0.1:1'), peer).code).toBe(403);
    expect(client.channelBind(0x4000, peer).code).toBe(403);
    client.sendTo(peer, 'FLUSHALL');
    client.sendOn(0x4000, 'FLUSHALL');
    expect(scenario.server.counters.dropped('no-permission')).toBe(1);
    expect(scenario.server.counters.dropped('unknown-channel')).toBe(1);
    expect(left()).toBe(0);
    expect(listeners.flatMap((listener) => listener.take())).toEqual([]);
    expect(scenario.server.population).toMatchObject({ permissions: 0, channels: 0 });
  });

  it('nor is a denied sender heard', () => {
    const { scenario, client } = bench();
    const [socket] = scenario.host.sockets.keys();
    const inside = scenario.peer('10.0.0.1:53');
    inside.send(socket!.external, 'hello');
    scenario.schedule.settle();
    expect(client.take()).toEqual([]);
  });
});

describe('memory disclosure (CVE-2020-4067, CVE-2026-62959, CVE-2026-104074)', () => {
  it('ChannelData that declares 35,510 bytes and has 3 reaches nobody', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const peer = scenario.peer();
    client.channelBind(0x4000, peer.at);
    client.sendOn(0x4000, 'SECRET OF THE LAST PACKET'.repeat(100));
    peer.take();
    const lie = channelData(0x4000, 'abc');
    lie.writeUInt16BE(35_510, 2);
    client.send(lie);
    scenario.schedule.settle();
    expect(peer.take()).toEqual([]);
    expect(scenario.server.counters.dropped('bad-channel-length')).toBe(1);
  });

  it('the padding of Data indications is zero, whatever was in the buffer', () => {
    const scenario = new Scenario();
    const { client, relayed } = scenario.allocated();
    const peer = scenario.peer();
    client.createPermission(peer.at);
    const padding: Buffer[] = [];
    scenario.host.observer = {
      toClient: ({ buffer, start, end }) => {
        const length = buffer.readUInt16BE(start + 34);
        padding.push(Buffer.from(buffer.subarray(start + 36 + length, end)));
      },
    };
    for (let length = 0; length < 40; length++) {
      peer.send(relayed, Buffer.alloc(200, 0x53));
      peer.send(relayed, Buffer.alloc(length, 0x61));
    }
    scenario.schedule.settle();
    expect(padding).toHaveLength(80);
    expect(padding.filter(({ length }) => length > 0)).toHaveLength(30);
    expect(padding.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });

  it('the padding of answers is zero', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    for (let length = 1; length < 40; length++) {
      client.sendTo(address('20.0.0.1:1'), 'S'.repeat(1000));
      const answer = client.request(Method.refresh, (writer) => {
        for (let i = 0; i < length; i++) writer.flag(0x7000 + i);
      });
      const { bytes, message } = answer;
      for (let i = 0; i < message.attributeCount; i++) {
        const end = message.offsetAt(i) + message.lengthAt(i);
        const padding = bytes.subarray(end, end + (-message.lengthAt(i) & 3));
        expect(padding.every((byte) => byte === 0)).toBe(true);
      }
    }
  });
});

describe('state before authentication (coturn #1999, CVE-2026-73214)', () => {
  it('100,000 addresses and ports leave nothing behind', () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const scenario = new Scenario({ keepEvents: false, limits: { unauthenticatedAnswers } });
    const client = scenario.client();
    const requests = [
      client.build(Method.binding),
      client.build(Method.allocate, allocateAttributes({})),
      client.build(Method.refresh),
      client.build(Method.createPermission),
      client.build(Method.channelBind),
    ];
    const before = { ...scenario.server.population };
    const flood = (count: number) => {
      for (let i = 0; i < count; i++) {
        const from = address(`${60 + (i >>> 15)}.${(i >>> 7) & 255}.${i & 127}.9:${1024 + (i % 60_000)}`);
        scenario.spoof(from, requests[i % requests.length]!);
        scenario.schedule.settle();
      }
    };
    const heap = () => {
      for (let i = 0; i < 4; i++) collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    // The code gets its final form before anything is measured.
    flood(20_000);
    const atStart = heap();
    flood(100_000);
    const growth = heap() - atStart;
    expect(scenario.server.population).toEqual(before);
    expect(scenario.server.nextDeadline).toBe(Number.POSITIVE_INFINITY);
    expect(growth).toBeLessThan(1024 * 1024);
  }, 60_000);
});

describe('reflection', () => {
  it.each([
    ['IPv4', '30.1.1.1:5000', 1.6],
    ['IPv6', '[2a01::5]:5000', 2.2],
  ])('a Binding answer is small over %s', (_, at, ratio) => {
    const client = new Scenario().client({ at });
    const request = client.build(Method.binding);
    expect(request).toHaveLength(20);
    expect(client.exchange(request)!.bytes.length / request.length).toBeLessThanOrEqual(ratio);
  });

  it('no answer says what software it is or explains itself', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    const answers = [
      client.request(Method.binding),
      client.exchange(client.build(Method.allocate))!,
      client.allocate({ transport: 132 }),
      client.allocate(),
      client.request(Method.createPermission),
      client.refresh(),
    ];
    for (const { message } of answers) {
      expect(message.has(Attribute.software)).toBe(false);
      const error = message.find(Attribute.errorCode);
      if (error >= 0) expect(message.lengthAt(error)).toBe(4);
    }
    expect(answers.map(({ code }) => code)).toEqual([0, 401, 442, 0, 400, 0]);
  });

  it('10,000 spoofed requests in a second from one address draw the allowance at most', () => {
    const scenario = new Scenario({ limits: { unauthenticatedAnswers } });
    let answers = 0;
    scenario.host.observer = { transmitted: () => void answers++ };
    const request = scenario.client({ at: '31.9.9.9:1' }).build(Method.binding);
    for (let i = 0; i < 10_000; i++) {
      scenario.spoof(address('31.0.0.1:53'), request);
      scenario.schedule.advance(0.1);
    }
    expect(answers).toBeLessThanOrEqual(1100);
  });
});

describe('loops (CVE-2024-2169)', () => {
  it('no answer of a server makes another server answer', () => {
    const [one, two] = [new Scenario(), new Scenario({ seed: 2 })];
    const { client } = one.allocated();
    const answers = [
      client.request(Method.binding),
      client.exchange(one.client().build(Method.allocate))!,
      client.allocate(),
      client.refresh(),
      client.request(0x008),
    ];
    let replies = 0;
    two.host.observer = { transmitted: () => void replies++ };
    for (const { bytes } of answers) two.spoof(address('40.0.0.9:3478'), bytes);
    expect(replies).toBe(0);
    expect(two.server.counters.dropped('not-a-request')).toBe(answers.length);
  });

  it.each(Object.values(MessageClass).filter((c) => c !== MessageClass.request))(
    'class 0x%x of any method at all is not answered',
    (messageClass) => {
      const scenario = new Scenario();
      const { client } = scenario.allocated();
      let replies = 0;
      scenario.host.observer = { transmitted: () => void replies++ };
      for (let method = 0; method < 0x1000; method++) {
        client.send(new MessageWriter().begin(messageClass, method, Buffer.alloc(12)).finish());
      }
      scenario.schedule.settle();
      expect(replies).toBe(0);
    },
  );
});

describe('floods of permissions and channels', () => {
  it('the 257th permission and the 257th channel get 508', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const codes = { permission: [] as number[], channel: [] as number[] };
    for (let i = 0; i < 257; i++) {
      codes.permission.push(client.createPermission(address(`20.0.${i >>> 8}.${i & 255}:1`)).code);
    }
    for (let i = 0; i < 257; i++) {
      codes.channel.push(client.channelBind(0x4000 + i, address(`20.0.0.1:${1000 + i}`)).code);
    }
    expect(codes.permission.indexOf(508)).toBe(256);
    expect(codes.channel.indexOf(508)).toBe(256);
    expect(scenario.server.population).toMatchObject({ permissions: 256, channels: 256 });
  });
});

describe('predictable ports and nonces (CVE-2025-69217)', () => {
  it('10,000 allocations show no sequence of ports, tokens or nonces', () => {
    const scenario = new Scenario({ keepEvents: false });
    const ports: number[] = [];
    const nonces = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const client = scenario.client({ at: `33.${i >>> 8}.${i & 255}.1:5000` });
      ports.push(client.allocate().relayed.port);
      // Behind cookie, features and time comes the MAC.
      nonces.add(client.nonce!.slice(19));
      client.refresh(0);
      client.vanish();
    }
    expect(nonces.size).toBe(10_000);
    const steps = ports.slice(1).map((port, i) => port - ports[i]!);
    expect(steps.filter((step) => Math.abs(step) <= 2).length).toBeLessThan(25);
    expect(Math.abs(steps.filter((step) => step > 0).length - 5000)).toBeLessThan(250);
    expect(new Set(ports).size).toBeGreaterThan(7000);
  }, 60_000);
});

describe('leaked ports (CVE-2026-73215)', () => {
  it('200 rounds on a range of 20 ports end with 20 free', () => {
    const scenario = new Scenario({ relayPorts: { low: 50_000, high: 50_019 } });
    for (let round = 0; round < 200; round++) {
      const kind = round % 5;
      const client = scenario.client();
      const evenPort = kind === 0 ? 'reserve-next' : 'reserve-nothing';
      const answer = client.allocate(kind < 3 ? { evenPort } : {});
      expect(answer.code).toBe(0);
      if (kind === 0 && round % 2 === 0) {
        const second = scenario.client();
        expect(second.allocate({ reservationToken: answer.reservationToken! }).code).toBe(0);
        second.refresh(0);
      }
      if (kind === 1) scenario.host.loseSocket(scenario.socketOf(answer.relayed));
      else if (kind === 2) scenario.pass(601);
      else client.refresh(0);
    }
    scenario.pass(31);
    expect(scenario.server.freePorts(ipv4)).toBe(20);
    const all = Array.from({ length: 20 }, () => scenario.client().allocate().code);
    expect(all).toEqual(new Array(20).fill(0));
    expect(scenario.client().allocate().code).toBe(508);
  });
});

describe('names that mean something to somebody else', () => {
  const names = [`%s%n'";--\0`, 'constructor', '__proto__', 'toString', '../../etc/passwd', '{{7*7}}', '\u202e😀'];

  it.each(names)('%j is not authenticated when there is no such user', (username) => {
    const scenario = new Scenario();
    for (const password of ['', 'undefined', username]) {
      expect(scenario.client({ username, password }).allocate().code).toBe(401);
    }
    expect(scenario.server.population).toMatchObject({ allocations: 0, users: 0 });
  });

  it.each(names)('%j is a user like any other when there is one', (username) => {
    const scenario = new Scenario({ limits: { allocationsPerUser: 1 } });
    scenario.users.add(username, username);
    const client = scenario.client({ username, password: username });
    expect(client.allocate().code).toBe(0);
    expect(scenario.server.allocationsOf(username)).toBe(1);
    expect(scenario.client({ username, password: username }).allocate().code).toBe(486);
    expect(client.refresh(0).code).toBe(0);
    expect(scenario.server.allocationsOf(username)).toBe(0);
    expect(scenario.host.events).toContainEqual(expect.objectContaining({ kind: 'request-refused', username }));
  });
});

describe('holes of the npm package node-turn 0.0.6', () => {
  it('a user named constructor does not get in', () => {
    expect(new Scenario().client({ username: 'constructor', password: '' }).allocate().code).toBe(401);
  });

  it('ports are closed when an allocation ends', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    scenario.allocated();
    client.refresh(0);
    expect(scenario.host.sockets.size).toBe(1);
    scenario.pass(600);
    expect(scenario.host.sockets.size).toBe(0);
  });

  it('a retransmitted Allocate gets the same answer and no second allocation', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    client.refresh(0);
    const request = client.build(Method.allocate, allocateAttributes({}));
    expect(client.exchange(request)?.bytes).toEqual(client.exchange(request)?.bytes);
    expect(scenario.host.sockets.size).toBe(1);
  });

  it('ChannelData of clients is relayed, and peers have limits', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const peer = scenario.peer();
    client.channelBind(0x4000, peer.at);
    client.sendOn(0x4000, 'x');
    expect(peer.take()).toEqual(['x']);
    expect(client.createPermission(address('127.0.0.1:1')).code).toBe(403);
  });
});

function bracketed(ip: IpAddress): string {
  return ip.family === ipv4 ? ip.text : `[${ip.text}]`;
}
