import { beforeEach, describe, expect, it } from 'vitest';
import { address, answerTo, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import { credentials, ScriptedTurnServer, serverAddress } from '../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import type { IceUrl } from '../client/ice-url.ts';
import { failure, type Result, success } from '../client/result.ts';
import type { SecureConnection } from '../client/tcp-connection.ts';
import type { TransportError } from '../client/transport-error.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { writeLifetime } from '../stun/attributes/allocation.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import { Ladder, type LadderDependencies } from './ladder.ts';
import { type LadderReport, rungsOf } from './rung.ts';

const url: IceUrl = { scheme: 'turn', host: 'turn.example.org', port: 3478, transport: 'udp' };

/** The steps of that URL. */
const rungNames = rungsOf(url);

let clock: VirtualClock;
/** What the client opens, in order: the socket of the first allocation, and that of the second. */
let sockets: ScriptedSocket[];
let servers: ScriptedTurnServer[];
let dependencies: LadderDependencies;
let relayed: number;
/** Whether the relay loses its nth packet. */
let loses: (packet: number) => boolean;

beforeEach(() => {
  clock = new VirtualClock();
  relayed = 0;
  loses = () => false;
  sockets = [0, 1].map(() => new ScriptedSocket(clock, serverAddress));
  servers = [51234, 51235].map((port) => {
    const server = new ScriptedTurnServer();
    server.relayedAddress = address('8.8.4.4', port);
    return server;
  });
  for (const [i, socket] of sockets.entries()) {
    socket.script = (request) => servers[i]!.answer(request);
    // Both sides bind 0x4000 to each other, so what one sends is what the other gets.
    socket.channelData = (bytes) => {
      if (!loses(relayed++)) sockets[1 - i]!.deliver(bytes);
    };
  }
  const unopened = [...sockets];
  dependencies = {
    clock,
    unixNow: () => 1_800_000_000,
    resolveHost: async () => success([serverAddress.ip]),
    openUdp: async () => success(unopened.shift() ?? new ScriptedSocket(clock, serverAddress)),
    connectTcp: async () => failure({ kind: 'refused', code: 'ECONNREFUSED', message: '' }),
  };
});

function climb(overrides: Partial<LadderDependencies> = {}, given: Partial<IceUrl> = {}): Promise<LadderReport> {
  const ladder = new Ladder(
    { ...url, ...given },
    { ...credentials, source: 'password' },
    { ...dependencies, ...overrides },
  );
  return clock.until(ladder.climb());
}

const last = (report: LadderReport) => report.rungs.at(-1)!;

function expectClosed(): void {
  expect(sockets.filter((socket) => socket.sent.length > 0).every((socket) => socket.closed)).toBe(true);
  expect(clock.armed).toBe(0);
}

describe('a server that works', () => {
  it('passes every step, and each is told as it passes', async () => {
    const told: string[] = [];
    const report = await climb({ onRung: ({ name }) => told.push(name) });
    expect(report).toMatchObject({ passed: true, notTested: [] });
    expect(told).toEqual([...rungNames]);
    expect(report.rungs.every(({ passed, warnings }) => passed && warnings.length === 0)).toBe(true);
    expectClosed();
  });

  it('shows addresses, round trips and lifetime', async () => {
    const details = new Map((await climb()).rungs.map(({ name, detail }) => [name, detail]));
    expect(details.get('binding')).toBe('your address 198.51.100.9:40000, behind a NAT');
    expect(details.get('challenge')).toBe('realm example.org, SHA-256');
    expect(details.get('allocate')).toBe('relayed 8.8.4.4:51234');
    expect(details.get('echo')).toBe('5 of 5 packets, RTT 40 ms between the two');
    expect(details.get('refresh')).toBe('for another 600 s');
  });

  it('is asked for two steps only when it is a STUN server', async () => {
    expect(await climb({}, { scheme: 'stun' })).toMatchObject({ passed: true, notTested: [] });
    expect(sockets[0]!.requests(Method.allocate)).toHaveLength(0);
    expectClosed();
  });

  it('is found at its second address when the first is silent', async () => {
    const silent = new ScriptedSocket(clock, serverAddress);
    const unopened = [silent, ...sockets];
    const report = await climb({
      resolveHost: async () => success([address('2001:db8::1', 1).ip, serverAddress.ip]),
      openUdp: async () => success(unopened.shift()!),
      connectTcp: async () => failure({ kind: 'refused', code: 'ECONNREFUSED', message: '' }),
    });
    expect(report.passed).toBe(true);
    expect(report.rungs[1]!.warnings).toMatchObject([{ code: 'no_answer' }]);
  });
});

describe('a server that does not', () => {
  it.each([
    ['ENOTFOUND', 'name_not_found'],
    ['EAI_AGAIN', 'dns_unavailable'],
  ])('fails at the first step when its name gives %s', async (code, problem) => {
    const report = await climb({ resolveHost: async () => failure({ code }) });
    expect(report.passed).toBe(false);
    expect(last(report)).toMatchObject({ name: 'resolve', problem: { code: problem } });
    expect(report.notTested).toEqual(rungNames.slice(1));
  });

  it('fails when this machine has no way to it', async () => {
    const report = await climb({
      openUdp: async () => failure({ kind: 'unreachable', code: 'ENETUNREACH', message: '' }),
    });
    expect(last(report)).toMatchObject({ name: 'binding', problem: { code: 'unreachable' } });
  });

  it('fails when it is silent', async () => {
    for (const socket of sockets) socket.script = () => [];
    const report = await climb();
    expect(last(report)).toMatchObject({ name: 'binding', problem: { code: 'no_answer' } });
    expect(report.notTested).toEqual(rungNames.slice(2));
    expectClosed();
  });

  it('fails when nothing listens there', async () => {
    sockets[0]!.script = () => {
      sockets[0]!.onError({ kind: 'refused', code: 'ECONNREFUSED', message: '' });
      return [];
    };
    expect(last(await climb())).toMatchObject({ name: 'binding', problem: { code: 'refused' } });
  });

  it('fails when it knows only STUN', async () => {
    servers[0]!.alter = (answer, request) => (request.method === Method.binding ? [answer] : []);
    const problem = last(await climb()).problem!;
    expect(problem).toMatchObject({ code: 'no_answer', cause: expect.stringContaining('STUN server only') });
  });

  it.each([
    [Method.allocate, 'allocate', 486, 'quota_reached'],
    [Method.allocate, 'allocate', 508, 'insufficient_capacity'],
    [Method.allocate, 'allocate', 442, 'transport_not_supported'],
    [Method.createPermission, 'permission', 403, 'peer_forbidden'],
    [Method.channelBind, 'channel', 403, 'peer_forbidden'],
    [Method.refresh, 'refresh', 437, 'allocation_mismatch'],
  ])('fails at method %i, step %s, with %i', async (method, name, code, problem) => {
    servers[0]!.errors.set(method, [code]);
    const report = await climb();
    expect(last(report)).toMatchObject({ name, passed: false, problem: { code: problem } });
    expectClosed();
  });

  it('fails at the second allocation when the user may have one only', async () => {
    servers[1]!.errors.set(Method.allocate, [486]);
    expect(last(await climb())).toMatchObject({
      name: 'allocate-peer',
      problem: { code: 'quota_reached', cause: expect.stringContaining('this check needs two') },
    });
  });

  it('gets its allocations back even when a later step fails', async () => {
    servers[0]!.errors.set(Method.createPermission, [403]);
    await climb();
    for (const socket of sockets) expect(socket.requests(Method.refresh)).toHaveLength(1);
  });

  it('fails when it stops in the middle', async () => {
    servers[0]!.alter = (answer, request) => (request.method === Method.channelBind ? [] : [answer]);
    const report = await climb();
    expect(last(report)).toMatchObject({ name: 'channel', problem: { code: 'no_answer' } });
    expect(report.notTested).toEqual(['echo', 'refresh', 'close']);
    // The allocations are given back without waiting for an answer.
    await clock.advance(20);
    expectClosed();
  });

  it('fails when it relays nothing', async () => {
    loses = () => true;
    expect(last(await climb())).toMatchObject({
      name: 'echo',
      detail: '0 of 5 packets',
      problem: { code: 'relay_silent' },
    });
  });

  it('fails when it calls every nonce stale', async () => {
    servers[0]!.errors.set(Method.allocate, Array(20).fill(438));
    expect(last(await climb())).toMatchObject({ name: 'allocate', problem: { code: 'stale_nonce' } });
  });

  it('fails when it does not sign its errors', async () => {
    servers[0]!.errors.set(Method.allocate, Array(20).fill(486));
    servers[0]!.signsErrors = false;
    expect(last(await climb())).toMatchObject({
      problem: { code: 'integrity', cause: expect.stringContaining('486') },
    });
  });
});

describe('a server with reservations', () => {
  it('passes with a warning when packets get lost', async () => {
    loses = (packet) => packet === 0;
    const echo = (await climb()).rungs.find(({ name }) => name === 'echo')!;
    expect(echo).toMatchObject({ passed: true, warnings: [{ code: 'packets_lost' }] });
    expect(echo.detail).toMatch(/^4 of 5/);
  });

  it.each([
    ['10.1.2.3', 'relayed_address_private'],
    ['127.0.0.1', 'relayed_address_loopback'],
    ['100.64.0.1', 'relayed_address_private'],
    ['fd00::1', 'relayed_address_private'],
    ['::1', 'relayed_address_loopback'],
  ])('passes with one warning when it relays from %s', async (ip, code) => {
    for (const server of servers) server.relayedAddress = address(ip, server.relayedAddress.port);
    const report = await climb();
    expect(report.rungs.flatMap(({ warnings }) => warnings).map((warning) => warning.code)).toEqual([code]);
  });

  it('passes with a warning when it relays for anybody', async () => {
    // What asks without credentials asks from a port of its own: some servers do not give that another allocation for a while.
    const first = new ScriptedSocket(clock, serverAddress);
    const unopened = [first, ...sockets];
    for (const [i, socket] of unopened.entries()) {
      socket.script = (request) => [
        answerTo(request, MessageClass.success, (writer) => {
          writeXorAddress(writer, Attribute.xorMappedAddress, serverAddress);
          writeXorAddress(writer, Attribute.xorRelayedAddress, servers[Math.max(0, i - 1)]!.relayedAddress);
          writeLifetime(writer, 600);
        }),
      ];
    }
    const report = await climb({ openUdp: async () => success(unopened.shift()!) });
    expect(first.requests(Method.refresh)).toHaveLength(1);
    expect(report.passed).toBe(true);
    expect(report.rungs[2]!.warnings).toMatchObject([{ code: 'open_relay' }]);
  });
});

describe('over TCP and TLS', () => {
  const certificate = {
    names: ['turn.example.org'],
    issuer: 'Somebody',
    validFrom: '2027-01-01T00:00:00.000Z',
    validTo: '2027-02-01T00:00:00.000Z',
    fingerprint256: 'AA',
  };
  const session = { protocol: 'TLSv1.3', cipher: 'x', alpn: 'stun.turn', certificate };
  /** How TLS turns out. */
  let tls: () => Promise<Result<SecureConnection, TransportError>>;

  beforeEach(() => {
    const unopened = [...sockets];
    const next = () => Object.assign(unopened.shift() ?? new ScriptedSocket(clock, serverAddress), { reliable: true });
    tls = async () => success({ socket: next(), session });
    dependencies = {
      ...dependencies,
      connectTcp: async () => success({ plain: next, secure: () => tls(), close: () => {} }),
    };
  });

  it('has a step for the connection', async () => {
    const report = await climb({}, { transport: 'tcp' });
    expect(report.rungs.map(({ name }) => name)).toEqual(rungsOf({ ...url, transport: 'tcp' }));
    expect(report).toMatchObject({ passed: true, notTested: [] });
    expectClosed();
  });

  it('has a step for TLS, which tells of the certificate', async () => {
    const report = await climb({}, { scheme: 'turns', transport: 'tcp' });
    expect(report).toMatchObject({
      passed: true,
      rungs: [{}, { name: 'connect' }, { name: 'tls' }, {}, {}, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(report.rungs[2]!.detail).toBe('TLSv1.3, certificate of turn.example.org for another 16 days');
  });

  it('warns of a certificate that ends soon', async () => {
    const report = await climb(
      { unixNow: () => Date.parse('2027-01-30T00:00:00Z') / 1000 },
      { scheme: 'turns', transport: 'tcp' },
    );
    expect(report.rungs[2]!.warnings).toMatchObject([
      { code: 'certificate_expires_soon', cause: expect.stringContaining('2 days') },
    ]);
  });

  it.each([
    ['certificate-expired', 'certificate_expired', /expired on 2027-02-01/],
    ['certificate-not-yet-valid', 'certificate_not_yet_valid', /only from 2027-01-01/],
    ['certificate-wrong-name', 'certificate_wrong_name', /is for turn\.example\.org, and not for/],
    ['certificate-self-signed', 'certificate_self_signed', /self-signed/],
    ['certificate-untrusted', 'certificate_untrusted', /issued by Somebody/],
    ['tls-refused', 'tls_refused', /refuses the TLS handshake/],
    ['not-tls', 'not_stun', /neither TLS nor STUN/],
    ['tls-closed', 'tls_closed', /in the middle of the TLS handshake/],
    ['timed-out', 'tls_silent', /does not answer the TLS handshake/],
    ['other', 'tls_failed', /failed/],
  ] as const)('fails at TLS: %s', async (kind, code, says) => {
    for (const socket of sockets) socket.script = () => [];
    const shown = kind.startsWith('certificate') ? { certificate } : {};
    tls = async () => failure({ kind, code: 'X', message: '', ...shown });
    const report = await climb({}, { scheme: 'turns', transport: 'tcp' });
    expect(last(report)).toMatchObject({ name: 'tls', problem: { code } });
    expect(last(report).problem!.cause).toMatch(says);
  });

  it('fails at TLS and says so when the server answers without', async () => {
    tls = async () => failure({ kind: 'tls-closed', code: 'X', message: '' });
    const report = await climb({}, { scheme: 'turns', port: 3478, transport: 'tcp' });
    expect(last(report).problem).toMatchObject({
      code: 'plain_expected',
      fix: expect.stringContaining('Use turn:turn.example.org?transport=tcp'),
    });
  });

  it('fails at Binding and says so when the server wants TLS', async () => {
    sockets[0]!.script = () => {
      sockets[0]!.onError({ kind: 'lost', code: 'CLOSED', message: '' });
      return [];
    };
    const report = await climb({}, { transport: 'tcp' });
    expect(last(report)).toMatchObject({
      name: 'binding',
      problem: { code: 'tls_expected', fix: 'Use turns:turn.example.org:3478.' },
    });
  });

  it.each([
    ['refused', 'refused', /over TCP/],
    ['timed-out', 'connect_timeout', /No TCP connection/],
    ['lost', 'connection_reset', /as soon as it is made/],
    ['unreachable', 'unreachable', /no way/],
    ['other', 'no_socket', /gave no socket/],
  ] as const)('fails to connect: %s', async (kind, code, says) => {
    const connectTcp = async () => failure<TransportError>({ kind, code: 'X', message: '' });
    const report = await climb({ connectTcp }, { transport: 'tcp' });
    expect(last(report)).toMatchObject({ name: 'connect', problem: { code } });
    expect(last(report).problem!.cause).toMatch(says);
    expect(report.notTested[0]).toBe('binding');
  });

  it('fails when the connection is lost in the middle', async () => {
    servers[0]!.alter = (answer, request) => {
      if (request.method !== Method.channelBind) return [answer];
      sockets[0]!.onError({ kind: 'lost', code: 'ECONNRESET', message: '' });
      return [];
    };
    const report = await climb({}, { transport: 'tcp' });
    expect(last(report)).toMatchObject({ name: 'channel', problem: { code: 'connection_lost' } });
    expectClosed();
  });
});

it('says that credentials are missing when there are none', async () => {
  const report = await clock.until(new Ladder(url, undefined, dependencies).climb());
  expect(last(report)).toMatchObject({ name: 'allocate', problem: { code: 'credentials_missing' } });
});

it('puts no control characters of a realm on the terminal', async () => {
  servers[0]!.realm = 'a\u001b[2Jb';
  const challenge = (await climb()).rungs.find(({ name }) => name === 'challenge')!;
  expect(challenge.detail).toBe('realm a\ufffd[2Jb, SHA-256');
});
