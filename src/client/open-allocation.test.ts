import { beforeEach, describe, expect, it } from 'vitest';
import { address, answerTo, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import { credentials, ScriptedTurnServer } from '../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { writeAddress } from '../stun/attributes/address.ts';
import { readLifetime } from '../stun/attributes/allocation.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { writeText } from '../stun/attributes/text.ts';
import { formatTransportAddress, IpAddress } from '../stun/ip-address.ts';
import { noncePrefix } from '../stun/nonce-cookie.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import { describeAllocationFailure } from './allocation-failure.ts';
import { type OpenAllocationOptions, openAllocation } from './open-allocation.ts';
import { failure, success } from './result.ts';
import { diagnosticRetransmission } from './retransmission.ts';
import type { ServerEndpoint, ServerTransport } from './server-endpoint.ts';
import type { TransportErrorKind } from './transport-error.ts';

let clock: VirtualClock;
/** Those that answer, by address; elsewhere nobody does. */
let servers: Map<string, ScriptedTurnServer>;
/** Those to which no socket can be opened, by address. */
let refusals: Map<string, TransportErrorKind>;
let sockets: ScriptedSocket[];
/** What sockets were opened to, with the name for the certificate. */
let opened: string[];

beforeEach(() => {
  clock = new VirtualClock();
  servers = new Map();
  refusals = new Map();
  sockets = [];
  opened = [];
});

function at(ip: string, transport: ServerTransport = 'udp', port = 3478): ServerEndpoint {
  return {
    transport,
    address: address(ip, port),
    via: 'address',
    host: 'turn.example.org',
    serverName: 'turn.example.org',
  };
}

/** A server at an address. */
function server(ip: string, port = 3478): ScriptedTurnServer {
  const one = new ScriptedTurnServer();
  servers.set(formatTransportAddress(address(ip, port)), one);
  return one;
}

/** Has a server send its clients elsewhere before it asks who they are. */
function redirect(from: ScriptedTurnServer, ip: string, port = 3478, domain?: string): void {
  from.alter = (_, request) => [
    answerTo(request, MessageClass.error, (writer) => {
      writeErrorCode(writer, 300);
      writeAddress(writer, Attribute.alternateServer, { ip: IpAddress.parse(ip)!, port });
      if (domain !== undefined) writeText(writer, Attribute.alternateDomain, domain);
    }),
  ];
}

function start(endpoints: readonly ServerEndpoint[], options: Partial<OpenAllocationOptions> = {}) {
  return openAllocation({ ...anonymously(endpoints), credentials, ...options });
}

function anonymously(endpoints: readonly ServerEndpoint[]): OpenAllocationOptions {
  return {
    endpoints,
    clock,
    retransmission: diagnosticRetransmission(),
    open: async ({ address: to, transport, serverName }) => {
      const where = formatTransportAddress(to);
      opened.push(`${transport} ${where} ${serverName}`);
      const kind = refusals.get(where);
      if (kind) return failure({ kind, code: 'ETEST', message: 'as the test says' });
      const socket = new ScriptedSocket(clock, to);
      socket.reliable = transport !== 'udp';
      socket.script = (request) => servers.get(where)?.answer(request) ?? [];
      sockets.push(socket);
      return success(socket);
    },
  };
}

async function open(endpoints: readonly ServerEndpoint[], options: Partial<OpenAllocationOptions> = {}) {
  return clock.until(start(endpoints, options));
}

/** The address of the server that granted one, or the kind of failure; with all that was tried. */
async function outcome(endpoints: readonly ServerEndpoint[], options: Partial<OpenAllocationOptions> = {}) {
  const result = await open(endpoints, options);
  const attempts = (result.ok ? result.value : result.error).attempts.map(
    ({ endpoint, failure: failed }) => `${formatTransportAddress(endpoint.address)} ${failed?.kind ?? 'open'}`,
  );
  if (result.ok) await clock.until(result.value.close());
  expect(sockets.every(({ closed }) => closed)).toBe(true);
  expect(clock.armed).toBe(0);
  return { attempts, kind: result.ok ? 'open' : result.error.kind };
}

describe('one endpoint', () => {
  it('gives an allocation that closes with its socket', async () => {
    server('192.0.2.1');
    const result = await open([at('192.0.2.1')]);
    if (!result.ok) throw new Error(describeAllocationFailure(result.error));
    const { allocation, client, endpoint, clientOptions, attempts } = result.value;
    expect(formatTransportAddress(allocation.relayedAddress)).toBe('203.0.113.5:51234');
    expect(endpoint).toEqual(at('192.0.2.1'));
    expect(formatTransportAddress(client.server)).toBe('192.0.2.1:3478');
    expect(clientOptions).toMatchObject({ server: endpoint.address, transport: { kind: 'udp' }, credentials });
    expect(attempts).toEqual([{ endpoint, elapsedMs: 40, failure: undefined }]);
    await clock.until(result.value.close());
    expect(sockets[0]!.requests(Method.refresh)).toHaveLength(1);
    expect(sockets[0]!.closed).toBe(true);
  });

  it.each<[number, string]>([
    [403, 'forbidden'],
    [440, 'unsupported-family'],
    [442, 'unsupported-transport'],
    [420, 'unsupported-attribute'],
    [486, 'quota-reached'],
    [508, 'no-capacity'],
    [500, 'server-error'],
    [400, 'server-error'],
  ])('says what a %i is', async (code, kind) => {
    server('192.0.2.1').errors.set(Method.allocate, [code]);
    const result = await open([at('192.0.2.1')]);
    expect(result).toMatchObject({ ok: false, error: { kind, reason: { kind: 'error-response', code } } });
  });

  it('tells wrong credentials from none', async () => {
    server('192.0.2.1').password = 'another';
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'wrong-credentials' });
    const anonymous = await clock.until(openAllocation(anonymously([at('192.0.2.1')])));
    expect(anonymous).toMatchObject({ ok: false, error: { kind: 'credentials-needed' } });
  });

  it('answers one stale nonce, and does not go on for ever', async () => {
    const one = server('192.0.2.1');
    one.errors.set(Method.allocate, [438]);
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'open' });
    one.alter = (_, request) => [
      answerTo(request, MessageClass.error, (writer) =>
        one.writeChallenge(writer, request.has(Attribute.nonce) ? 438 : 401),
      ),
    ];
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'stale-nonce' });
  });

  it('does not believe a challenge that was stripped of its algorithms', async () => {
    const one = server('192.0.2.1');
    one.nonce = `${noncePrefix({ passwordAlgorithms: true, usernameAnonymity: false })}x`;
    one.algorithms = [];
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'not-authentic' });
  });

  it('says so when there is no answer, no socket, or no endpoint', async () => {
    expect(await outcome([at('192.0.2.1')])).toEqual({
      kind: 'unreachable',
      attempts: ['192.0.2.1:3478 unreachable'],
    });
    refusals.set('192.0.2.1:3478', 'unreachable');
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'unreachable' });
    refusals.set('192.0.2.1:3478', 'certificate-expired');
    expect(await outcome([at('192.0.2.1', 'tls')])).toMatchObject({ kind: 'certificate-rejected' });
    expect(await outcome([])).toEqual({ kind: 'unreachable', attempts: [] });
  });
});

describe('several endpoints', () => {
  it.each<[string, (ip: string) => void]>([
    ['is silent', () => {}],
    ['refuses connections', (ip) => refusals.set(`${ip}:3478`, 'refused')],
    ['is full', (ip) => server(ip).errors.set(Method.allocate, [508])],
    ['is broken', (ip) => server(ip).errors.set(Method.allocate, [500])],
  ])('goes on when the first %s', async (_, prepare) => {
    prepare('192.0.2.1');
    server('192.0.2.2');
    const { kind, attempts } = await outcome([at('192.0.2.1'), at('192.0.2.2')]);
    expect({ kind, last: attempts.at(-1), count: attempts.length }).toEqual({
      kind: 'open',
      last: '192.0.2.2:3478 open',
      count: 2,
    });
  });

  it.each([403, 440, 442, 486])('does not ask others after a %i', async (code) => {
    server('192.0.2.1').errors.set(Method.allocate, [code]);
    server('192.0.2.2');
    expect((await outcome([at('192.0.2.1'), at('192.0.2.2')])).attempts).toHaveLength(1);
  });

  it('does not ask a full server over another transport', async () => {
    server('192.0.2.1').errors.set(Method.allocate, [508, 508]);
    expect((await outcome([at('192.0.2.1'), at('192.0.2.1', 'tcp')])).attempts).toEqual(['192.0.2.1:3478 no-capacity']);
  });

  it('tells the most telling failure', async () => {
    server('192.0.2.1').errors.set(Method.allocate, [508]);
    const result = await open([at('192.0.2.1'), at('192.0.2.2')]);
    expect(result).toMatchObject({ error: { kind: 'no-capacity', attempts: [{}, {}] } });
  });
});

describe('437 and 441', () => {
  it.each([437, 441])('takes another local port after a %i', async (code) => {
    server('192.0.2.1').errors.set(Method.allocate, [code, code]);
    const { kind, attempts } = await outcome([at('192.0.2.1')]);
    expect(kind).toBe('open');
    expect(attempts).toEqual(['192.0.2.1:3478 port-in-use', '192.0.2.1:3478 port-in-use', '192.0.2.1:3478 open']);
    expect(sockets).toHaveLength(3);
  });

  it('gives up after three, and asks the next server', async () => {
    server('192.0.2.1').errors.set(Method.allocate, [437, 437, 437, 437]);
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'port-in-use' });
    expect(sockets).toHaveLength(3);
    server('192.0.2.1').errors.set(Method.allocate, [437, 437, 437, 437]);
    server('192.0.2.2');
    expect(await outcome([at('192.0.2.1'), at('192.0.2.2')])).toMatchObject({ kind: 'open' });
  });

  it('does so too when the answer lacks its integrity, as with coturn', async () => {
    const one = server('192.0.2.1');
    // Whatever is sent again gets no better answer, so the whole time of the first port passes.
    one.alter = (answer, request) =>
      sockets.length === 1 && request.has(Attribute.nonce)
        ? [answerTo(request, MessageClass.error, (writer) => writeErrorCode(writer, 437))]
        : [answer];
    expect(await outcome([at('192.0.2.1')])).toEqual({
      kind: 'open',
      attempts: ['192.0.2.1:3478 not-authentic', '192.0.2.1:3478 open'],
    });
  });
});

describe('300', () => {
  it('follows a server to another, with the same credentials', async () => {
    redirect(server('192.0.2.1'), '192.0.2.2');
    server('192.0.2.2').realm = 'another.example';
    const result = await open([at('192.0.2.1')]);
    expect(result).toMatchObject({
      ok: true,
      value: { endpoint: { via: 'redirect', transport: 'udp', host: '192.0.2.2', address: { port: 3478 } } },
    });
    if (result.ok) await clock.until(result.value.close());
  });

  it('believes one with integrity as well', async () => {
    const one = server('192.0.2.1');
    one.errors.set(Method.allocate, [300]);
    // No ALTERNATE-SERVER: it leads nowhere.
    expect(await outcome([at('192.0.2.1')])).toMatchObject({ kind: 'bad-redirect' });
  });

  it('keeps to the name that the certificate must be for, unless it is given another', async () => {
    redirect(server('192.0.2.1', 5349), '192.0.2.2', 443);
    redirect(server('192.0.2.2', 443), '192.0.2.3', 5349, 'eu.example.org');
    server('192.0.2.3', 5349);
    expect(await outcome([at('192.0.2.1', 'tls', 5349)])).toMatchObject({ kind: 'open' });
    expect(opened).toEqual([
      'tls 192.0.2.1:5349 turn.example.org',
      'tls 192.0.2.2:443 turn.example.org',
      'tls 192.0.2.3:5349 eu.example.org',
    ]);
  });

  it('takes no name that is none', async () => {
    redirect(server('192.0.2.1', 5349), '192.0.2.2', 5349, 'no name\u0000at all');
    server('192.0.2.2', 5349);
    await outcome([at('192.0.2.1', 'tls', 5349)]);
    expect(opened.at(-1)).toBe('tls 192.0.2.2:5349 turn.example.org');
  });

  it('does not go in a circle', async () => {
    redirect(server('192.0.2.1'), '192.0.2.2');
    redirect(server('192.0.2.2'), '192.0.2.1');
    expect(await outcome([at('192.0.2.1')])).toEqual({
      kind: 'bad-redirect',
      attempts: ['192.0.2.1:3478 redirected', '192.0.2.2:3478 redirected'],
    });
    redirect(server('192.0.2.3'), '192.0.2.3');
    expect((await outcome([at('192.0.2.3')])).attempts).toHaveLength(1);
  });

  it('follows five servers and no more', async () => {
    for (let n = 1; n <= 9; n++) redirect(server(`192.0.2.${n}`), `192.0.2.${n + 1}`);
    expect((await outcome([at('192.0.2.1')])).attempts).toHaveLength(6);
    server('192.0.2.10');
    expect((await outcome([at('192.0.2.5')])).kind).toBe('open');
  });

  it('goes on to the next endpoint when it was sent to a dead one, and asks nobody twice', async () => {
    redirect(server('192.0.2.1'), '192.0.2.2');
    server('192.0.2.3');
    expect(await outcome([at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')])).toEqual({
      kind: 'open',
      attempts: ['192.0.2.1:3478 redirected', '192.0.2.2:3478 unreachable', '192.0.2.3:3478 open'],
    });
  });

  it.each(['127.0.0.1', '::1', '0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1'])(
    'is not sent to %s',
    async (ip) => {
      redirect(server('192.0.2.1'), ip);
      server(ip);
      expect(await outcome([at('192.0.2.1')])).toEqual({
        kind: 'bad-redirect',
        attempts: ['192.0.2.1:3478 redirected'],
      });
    },
  );

  it.each([
    ['2001:db8::1', '::ffff:127.0.0.1'],
    ['2001:db8::1', '::ffff:192.0.2.2'],
    ['2001:db8::1', '192.0.2.2'],
    ['192.0.2.1', '2001:db8::2'],
  ])('is not sent from %s to %s', async (from, ip) => {
    redirect(server(from), ip);
    server(ip);
    expect((await outcome([at(from)])).kind).toBe('bad-redirect');
    expect(opened).toHaveLength(1);
  });

  it('is not sent to port 0', async () => {
    redirect(server('192.0.2.1'), '192.0.2.2', 0);
    expect((await outcome([at('192.0.2.1')])).attempts).toHaveLength(1);
  });

  it('may go from one loopback address to another', async () => {
    redirect(server('127.0.0.1'), '127.0.0.2');
    server('127.0.0.2');
    expect((await outcome([at('127.0.0.1')])).kind).toBe('open');
  });
});

describe('the signal', () => {
  it('ends what is under way', async () => {
    const stop = new AbortController();
    const pending = start([at('192.0.2.1'), at('192.0.2.2')], { signal: stop.signal });
    await clock.advance(300);
    stop.abort();
    expect(await pending).toMatchObject({ ok: false, error: { kind: 'cancelled', attempts: [{}] } });
    expect(sockets.every(({ closed }) => closed)).toBe(true);
    await clock.advance(10);
    expect(clock.armed).toBe(0);
  });

  it('gives back what the server may have granted by then', async () => {
    const stop = new AbortController();
    server('192.0.2.1');
    const pending = start([at('192.0.2.1')], { signal: stop.signal });
    // The Allocate with credentials is on its way.
    await clock.advance(25);
    stop.abort();
    expect(await pending).toMatchObject({ ok: false, error: { kind: 'cancelled' } });
    const [socket] = sockets;
    expect(socket!.requests(Method.allocate)).toHaveLength(2);
    const [refresh] = socket!.requests(Method.refresh);
    expect(readLifetime(refresh!, refresh!.find(Attribute.lifetime))).toBe(0);
    expect(refresh!.has(Attribute.username)).toBe(true);
    expect(socket!.closed).toBe(true);
  });

  it('lets nothing begin when it has come before', async () => {
    expect(await outcome([at('192.0.2.1')], { signal: AbortSignal.abort() })).toMatchObject({ kind: 'cancelled' });
    expect(opened).toEqual([]);
  });

  it('closes a socket that opens too late', async () => {
    const stop = new AbortController();
    const late = new ScriptedSocket(clock, address('192.0.2.1', 3478));
    const pending = start([at('192.0.2.1')], {
      signal: stop.signal,
      open: () => new Promise((resolve) => clock.schedule(1000, () => resolve(success(late)))),
    });
    await clock.advance(500);
    stop.abort();
    expect(await pending).toMatchObject({ ok: false, error: { kind: 'cancelled' } });
    await clock.advance(1000);
    expect(late.closed).toBe(true);
  });
});
