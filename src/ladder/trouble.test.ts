/** Servers that fail in the middle, answer slowly, send elsewhere, or are none. */
import { describe, expect, it } from 'vitest';
import { problemOf, rungOf, ScriptedLadder, warningsOf } from '../../test/client/scripted-ladder.ts';
import { address, answerTo, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import { ScriptedTurnServer, serverAddress } from '../../test/client/scripted-turn-server.ts';
import { failure, success } from '../client/result.ts';
import type { TcpConnection } from '../client/tcp-connection.ts';
import { writeAddress } from '../stun/attributes/address.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { writeText } from '../stun/attributes/text.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { StunMessage } from '../stun/message.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import type { RungName } from './rung.ts';

/** The request at which each step is. */
const steps: readonly (readonly [RungName, number, (request: StunMessage) => boolean, RegExp])[] = [
  ['challenge', Method.allocate, (request) => !request.has(Attribute.username), /answers Binding but not Allocate/],
  [
    'allocate',
    Method.allocate,
    (request) => request.has(Attribute.username),
    /asks for credentials, and does not answer/,
  ],
  ['permission', Method.createPermission, () => true, /does not answer CreatePermission/],
  ['channel', Method.channelBind, () => true, /does not answer ChannelBind/],
  ['refresh', Method.refresh, () => true, /does not answer Refresh/],
];

describe('a server that stops in the middle', () => {
  it.each(steps)('at %s', async (name, method, applies, says) => {
    const ladder = new ScriptedLadder();
    ladder.servers[0]!.alter = (answer, request) => (request.method === method && applies(request) ? [] : [answer]);
    const report = await ladder.climb();
    expect(report.rungs.at(-1)).toMatchObject({ name, passed: false, problem: { code: 'no_answer' } });
    expect(problemOf(report)!.cause).toMatch(says);
    expect(problemOf(report)!.cause).toContain('192.0.2.1:3478');
  });

  it('at the second allocation', async () => {
    const ladder = new ScriptedLadder();
    ladder.servers[1]!.alter = () => [];
    const report = await ladder.climb();
    expect(report.rungs.at(-1)).toMatchObject({ name: 'allocate-peer', problem: { code: 'no_answer' } });
    expect(problemOf(report)!.cause).toMatch(/has answered the first allocation, but not a second/);
  });

  it('when the allocations are given back', async () => {
    const ladder = new ScriptedLadder();
    let refreshes = 0;
    ladder.servers[0]!.alter = (answer, request) =>
      request.method === Method.refresh && refreshes++ > 0 ? [] : [answer];
    const report = await ladder.climb();
    expect(report.rungs.at(-1)).toMatchObject({ name: 'close', problem: { code: 'no_answer' } });
    expect(problemOf(report)!.cause).toMatch(/given back/);
  });

  it.each(steps)('and whose port is closed from then on, at %s', async (name, method, applies) => {
    const ladder = new ScriptedLadder();
    ladder.servers[0]!.alter = (answer, request) => {
      if (request.method !== method || !applies(request)) return [answer];
      ladder.sockets[0]!.onError({ kind: 'refused', code: 'ECONNREFUSED', message: '' });
      return [];
    };
    const report = await ladder.climb();
    expect(report.rungs.at(-1)).toMatchObject({ name, problem: { code: 'refused' } });
    expect(problemOf(report)!.cause).toMatch(/answered before/);
  });

  it.each(steps)('and cuts its connection at %s', async (name, method, applies) => {
    const ladder = new ScriptedLadder();
    ladder.servers[0]!.alter = (answer, request) => {
      if (request.method !== method || !applies(request)) return [answer];
      ladder.sockets[0]!.onError({ kind: 'lost', code: 'ECONNRESET', message: '' });
      return [];
    };
    const unopened = ladder.sockets.map((socket) => Object.assign(socket, { reliable: true }));
    const connectTcp = async () => success(plainConnection(unopened.shift()!));
    const report = await ladder.climb({ transport: 'tcp' }, { connectTcp });
    expect(report.rungs.at(-1)).toMatchObject({ name, problem: { code: 'connection_lost' } });
    expect(problemOf(report)!.cause).toContain(`at the step "${name}"`);
  });
});

describe('a server that answers slowly', () => {
  it('is noted once, where it was first, when answers need several requests', async () => {
    const ladder = new ScriptedLadder();
    const seen = new Set<string>();
    ladder.servers[0]!.alter = (answer, request) => {
      const isFirst = !seen.has(request.transactionId.toString('hex'));
      seen.add(request.transactionId.toString('hex'));
      return isFirst && request.method !== Method.binding ? [] : [answer];
    };
    const report = await ladder.climb();
    expect(report.passed).toBe(true);
    expect(warningsOf(report)).toEqual([['challenge', 'slow_answers']]);
    expect(rungOf(report, 'challenge').warnings[0]!.cause).toMatch(
      /only when it was asked 2 times, 270 ms after the first/,
    );
  });

  it('is noted when an answer takes more than half a second', async () => {
    const ladder = new ScriptedLadder();
    const delays = new Map([[Method.createPermission as number, 600]]);
    ladder.servers[0]!.alter = (answer, request) => {
      const delay = delays.get(request.method);
      if (delay === undefined) return [answer];
      ladder.clock.schedule(delay, () => ladder.sockets[0]!.deliver(answer));
      return [];
    };
    const report = await ladder.climb();
    expect(warningsOf(report)).toEqual([['permission', 'slow_answers']]);
    expect(rungOf(report, 'permission').warnings[0]!.cause).toMatch(/took 620 ms .*talk into each other/);
  });

  it('is not noted for what is measured while the allocations are open', async () => {
    const ladder = new ScriptedLadder();
    const seen: string[] = [];
    const report = await ladder.climb(
      {},
      {
        whileOpen: async (near, far) => {
          seen.push(formatTransportAddress(near.relayedAddress), formatTransportAddress(far.relayedAddress));
          ladder.servers[0]!.alter = (answer) => {
            ladder.clock.schedule(800, () => ladder.sockets[0]!.deliver(answer));
            return [];
          };
          await near.refresh();
          ladder.servers[0]!.alter = (answer) => [answer];
        },
      },
    );
    expect(report.passed).toBe(true);
    expect(seen).toEqual(['8.8.4.4:51234', '8.8.4.4:51235']);
    expect(warningsOf(report)).toEqual([]);
  });
});

describe('a server that sends its clients to another', () => {
  const sendsTo = (to: TransportAddress) => (_answer: Buffer, request: StunMessage) =>
    request.method !== Method.allocate
      ? [_answer]
      : [
          answerTo(request, MessageClass.error, (writer) => {
            writeErrorCode(writer, 300);
            writeAddress(writer, Attribute.alternateServer, to);
          }),
        ];
  const other = address('192.0.2.77', 3478);

  it('is followed, and there is a note of where', async () => {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) server.alter = sendsTo(other);
    const pair = [51234, 51235].map((port) => {
      const server = new ScriptedTurnServer();
      server.relayedAddress = address('8.8.4.4', port);
      return ladder.socketTo(server, other);
    });
    for (const [i, socket] of pair.entries()) socket.channelData = (bytes) => pair[1 - i]!.deliver(bytes);
    const unopened = [...pair];
    ladder.further = (where) => (where === '192.0.2.77:3478' ? unopened.shift() : undefined);
    const report = await ladder.climb();
    expect(report.passed).toBe(true);
    expect(warningsOf(report)).toEqual([['challenge', 'sent_elsewhere']]);
    expect(rungOf(report, 'challenge').warnings[0]!.cause).toContain('on to 192.0.2.77:3478 (300)');
    expect(pair.every((socket) => socket.closed)).toBe(true);
  });

  it.each<[string, TransportAddress, string, RegExp]>([
    ['itself', serverAddress, 'alternate_loop', /in a circle .* back to 192\.0\.2\.1:3478/],
    [
      'the machine of its client',
      address('127.0.0.1', 3478),
      'alternate_unusable',
      /on to 127\.0\.0\.1:3478 \(300\), and/,
    ],
    ['one of another family', address('2001:db8::77', 3478), 'alternate_unusable', /of another address family/],
    ['one that is silent', other, 'alternate_unreachable', /on to 192\.0\.2\.77:3478 \(300\), where nothing answers/],
  ])('fails when that is %s', async (_what, to, code, says) => {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) server.alter = sendsTo(to);
    const problem = problemOf(await ladder.climb());
    expect(problem).toMatchObject({ code });
    expect(problem!.cause).toMatch(says);
  });

  it('is believed over TLS about the name for which the certificate of the other is, at both allocations', async () => {
    const ladder = new ScriptedLadder();
    const [sending, serving] = [new ScriptedTurnServer(), new ScriptedTurnServer()];
    sending.alter = (answer, request) =>
      request.method !== Method.allocate
        ? [answer]
        : [
            answerTo(request, MessageClass.error, (writer) => {
              writeErrorCode(writer, 300);
              writeAddress(writer, Attribute.alternateServer, other);
              writeText(writer, Attribute.alternateDomain, 'eu.example.net');
            }),
          ];
    const secured: string[] = [];
    const connectTcp = async (to: TransportAddress) => {
      const where = formatTransportAddress(to);
      const socket = ladder.socketTo(to === other || where === '192.0.2.77:3478' ? serving : sending, to);
      socket.reliable = true;
      const connection: TcpConnection = {
        plain: () => socket,
        secure: async ({ serverName }) => {
          secured.push(`${where} ${serverName}`);
          const certificate = {
            names: [serverName],
            issuer: '',
            validFrom: '',
            validTo: '2030-01-01',
            fingerprint256: '',
          };
          return success({ socket, session: { protocol: 'TLSv1.3', cipher: '', alpn: undefined, certificate } });
        },
        close: () => {},
      };
      return success(connection);
    };
    const report = await ladder.climb({ scheme: 'turns', transport: 'tcp', port: 5349 }, { connectTcp });
    expect(secured).toEqual([
      '192.0.2.1:5349 turn.example.org',
      '192.0.2.77:3478 eu.example.net',
      '192.0.2.77:3478 eu.example.net',
    ]);
    expect(rungOf(report, 'challenge').warnings[0]!.cause).toContain('on to 192.0.2.77:3478 (eu.example.net) (300)');
    expect(rungOf(report, 'allocate-peer').passed).toBe(true);
  });

  it('fails when that goes on and on', async () => {
    const ladder = new ScriptedLadder();
    let hops = 0;
    const next = () => {
      const server = new ScriptedTurnServer();
      server.alter = (answer, request) => {
        if (request.method !== Method.allocate) return [answer];
        return sendsTo(address('192.0.2.77', 1000 + ++hops))(answer, request);
      };
      return server;
    };
    ladder.servers[0]!.alter = next().alter;
    ladder.further = (where) => ladder.socketTo(next(), address('192.0.2.77', Number(where.split(':')[1])));
    expect(problemOf(await ladder.climb())).toMatchObject({ code: 'alternate_loop' });
    expect(hops).toBe(6);
  });
});

describe('what is no STUN server', () => {
  it.each<[string, (request: Buffer) => Buffer, RegExp]>([
    ['an echo service', (request) => request, /An echo service answers at 192\.0\.2\.1:3478/],
    [
      'a DNS server',
      (request) => Buffer.from([request[0]!, request[1]!, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
      /A DNS server answers/,
    ],
    ['a SIP server', () => Buffer.from('SIP/2.0 400 Bad Request\r\n\r\n'), /A SIP server/],
    ['DTLS', () => Buffer.from([0x15, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 10]), /speaks DTLS/],
    ['something else', () => Buffer.from('hello'), /Something that does not speak STUN/],
  ])('%s', async (_what, reply, says) => {
    const ladder = new ScriptedLadder();
    const socket = ladder.sockets[0]!;
    const { send } = socket;
    socket.script = () => [];
    socket.send = (bytes) => {
      send.call(socket, bytes);
      socket.deliver(reply(Buffer.from(bytes)));
    };
    const problem = problemOf(await ladder.climb());
    expect(problem).toMatchObject({ code: 'not_stun' });
    expect(problem!.cause).toMatch(says);
  });

  it('is said to answer where it does', async () => {
    const ladder = new ScriptedLadder();
    const { port } = { port: 3479 };
    ladder.further = (where) =>
      where === '192.0.2.1:3478' ? ladder.socketTo(new ScriptedTurnServer(), serverAddress) : undefined;
    ladder.dependencies = {
      ...ladder.dependencies,
      openUdp: async (server) =>
        success(
          server.port === port
            ? new ScriptedSocket(ladder.clock, server)
            : ladder.socketTo(new ScriptedTurnServer(), serverAddress),
        ),
    };
    const problem = problemOf(await ladder.climb({ port }));
    expect(problem).toMatchObject({ code: 'no_answer' });
    expect(problem!.fix).toMatch(
      /^The host does answer STUN elsewhere: try turn:turn\.example\.org\. If that is not your server, check that /,
    );
    const quiet = problemOf(await ladder.climb({ port }, { looksElsewhere: false }));
    expect(quiet!.fix).not.toContain('elsewhere');
  });

  it('is one nevertheless that keeps Binding to itself', async () => {
    const ladder = new ScriptedLadder();
    const mute = new ScriptedSocket(ladder.clock, serverAddress);
    const probe = ladder.socketTo(new ScriptedTurnServer());
    const unopened = [mute, probe, ...ladder.sockets];
    for (const server of ladder.servers) {
      server.alter = (answer, request) => (request.method === Method.binding ? [] : [answer]);
    }
    const report = await ladder.climb({}, { openUdp: async () => success(unopened.shift()!) });
    expect(report.passed).toBe(true);
    expect(warningsOf(report)).toEqual([['binding', 'binding_unanswered']]);
  });

  it.each([
    ['turn', true],
    ['stun', false],
  ] as const)('is one that asks for credentials at Binding, for %s: %s', async (scheme, passed) => {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) {
      server.alter = (answer, request) =>
        request.method === Method.binding
          ? [answerTo(request, MessageClass.error, (writer) => writeErrorCode(writer, 401))]
          : [answer];
    }
    const report = await ladder.climb({ scheme });
    expect(report.passed).toBe(passed);
    const told = [...warningsOf(report).map(([, code]) => code), problemOf(report)?.code];
    expect(told).toContain('binding_needs_credentials');
  });
});

describe('an allocation', () => {
  it('is asked for at another port when this one had one before (437)', async () => {
    const ladder = new ScriptedLadder();
    const server = ladder.servers[0]!;
    server.errors.set(Method.allocate, [437]);
    const again = ladder.socketTo(server);
    again.channelData = (bytes) => ladder.sockets[1]!.deliver(bytes);
    ladder.sockets[1]!.channelData = (bytes) => again.deliver(bytes);
    const unopened = [ladder.sockets[0]!, again, ladder.sockets[1]!];
    const report = await ladder.climb({}, { openUdp: async () => success(unopened.shift()!) });
    expect(report.passed).toBe(true);
  });

  it.each<[string, string]>([
    ['0.0.0.0', 'relayed_address_unspecified'],
    ['198.51.100.9', 'relayed_address_yours'],
    ['2606:4700::1', 'relayed_address_family'],
    ['10.1.2.3', 'relayed_address_private'],
  ])('at %s has a note', async (ip, code) => {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) server.relayedAddress = address(ip, server.relayedAddress.port);
    expect(warningsOf(await ladder.climb())).toEqual([['allocate', code]]);
  });

  it('that is short-lived has a note, and so has an empty realm', async () => {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) {
      server.lifetimeSeconds = 30;
      server.realm = '';
    }
    expect(warningsOf(await ladder.climb())).toEqual([
      ['challenge', 'empty_realm'],
      ['allocate', 'short_lifetime'],
    ]);
  });
});

describe('a relayed address', () => {
  /** What a peer sends to the first relayed address arrives in a Data indication, or nowhere. */
  async function check(arrives: boolean, forbidden = false, seenAs = '8.8.8.8') {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) server.mappedAddress = address(seenAs, 40000);
    if (forbidden) {
      let permissions = 0;
      ladder.servers[0]!.alter = (answer, request) => {
        if (request.method === Method.createPermission) permissions++;
        if (permissions === 1) ladder.servers[0]!.errors.set(Method.createPermission, [403]);
        return [answer];
      };
    }
    const peer = new ScriptedSocket(ladder.clock, ladder.servers[0]!.relayedAddress);
    peer.channelData = () => {};
    peer.send = (bytes) => {
      if (!arrives) return;
      // Over the channel of the other allocation, whose address stands for any peer's.
      const message = Buffer.concat([Buffer.from([0x40, 0x00, 0, bytes.length]), bytes]);
      ladder.sockets[0]!.deliver(message);
    };
    const report = await ladder.climb({}, { openPeer: async () => success(peer) });
    return { report, peer };
  }

  it('is reached from outside the server', async () => {
    const { report, peer } = await check(true);
    expect(rungOf(report, 'echo')).toMatchObject({ facts: { reachableFromHere: true }, warnings: [] });
    expect(peer.closed).toBe(true);
  });

  it('has a note when only clients of the server reach it', async () => {
    const { report, peer } = await check(false);
    expect(report.passed).toBe(true);
    expect(rungOf(report, 'echo')).toMatchObject({ facts: { reachableFromHere: false } });
    expect(warningsOf(report)).toEqual([['echo', 'relayed_address_unreachable']]);
    expect(peer.closed).toBe(true);
  });

  it('is not judged when this machine may not be a peer', async () => {
    const { report } = await check(false, true);
    expect(report.passed).toBe(true);
    expect(rungOf(report, 'echo').facts).not.toHaveProperty('reachableFromHere');
  });

  it('is not judged where something before the server hides its clients', async () => {
    const { report } = await check(false, false, '10.0.0.7');
    expect(warningsOf(report)).toEqual([]);
    expect(rungOf(report, 'echo').facts).not.toHaveProperty('reachableFromHere');
  });

  it('is not judged over TCP', async () => {
    const ladder = new ScriptedLadder();
    const unopened = ladder.sockets.map((socket) => Object.assign(socket, { reliable: true }));
    const connectTcp = async () => success(plainConnection(unopened.shift()!));
    const report = await ladder.climb({ transport: 'tcp' }, { connectTcp, openPeer: () => expect.unreachable() });
    expect(report.passed).toBe(true);
  });
});

function plainConnection(socket: ScriptedSocket): TcpConnection {
  const secure = async () => failure({ kind: 'not-tls' as const, code: 'X', message: '' });
  return { plain: () => socket, secure, close: () => socket.close() };
}
