import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientTransport } from '../../src/client/open-socket.ts';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import { allocateTcp, type TcpAllocation } from '../../src/client/tcp-allocation.ts';
import type { ConnectionAttempt, TurnAllocation } from '../../src/client/turn-allocation.ts';
import { type OpenTurnClientOptions, openTurnClient, type TurnClient } from '../../src/client/turn-client.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { CertificateAuthority } from './certificates.ts';
import { type Coturn, coturnUser, startCoturn } from './coturn.ts';
import { requirePeer } from './peers.ts';

const installed = requirePeer('turnserver') && requirePeer('openssl');
const loopback = IpAddress.parse('127.0.0.1')!;

let authority: CertificateAuthority;
let coturn: Coturn;
/** Everything that is to be closed. */
const clients: TurnClient[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  if (!installed) return;
  authority = new CertificateAuthority();
  coturn = await startCoturn({ streams: { certificate: authority.issue() }, args: ['--allow-loopback-peers'] });
});

afterAll(async () => {
  for (const client of clients) client.close();
  for (const server of servers) server.close();
  await coturn?.stop();
  authority?.remove();
});

function optionsFor(kind: 'tcp' | 'tls'): OpenTurnClientOptions {
  const transport: ClientTransport =
    kind === 'tcp' ? { kind } : { kind, serverName: '127.0.0.1', trusted: authority.ca };
  return {
    server: { ip: loopback, port: kind === 'tcp' ? coturn.address.port : coturn.securePort },
    credentials: coturnUser,
    retransmission: diagnosticRetransmission(),
    transport,
  };
}

async function connect(kind: 'tcp' | 'tls'): Promise<TurnClient> {
  const client = value(await openTurnClient(optionsFor(kind)));
  clients.push(client);
  return client;
}

function value<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function arrivals(allocation: TurnAllocation, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve) => {
    allocation.onData = (_peer, bytes) => {
      texts.push(bytes.toString());
      if (texts.length === count) resolve(texts);
    };
  });
}

describe.skipIf(!installed).each(['tcp', 'tls'] as const)('the client with coturn over %s', (kind) => {
  it('learns its own address', async () => {
    const client = await connect(kind);
    const { mappedAddress } = value(await client.binding());
    expect(formatTransportAddress(mappedAddress)).toBe(formatTransportAddress(client.stun.socket.localAddress));
  });

  it('relays packets of every length, in indications and over channels', async () => {
    const [a, b] = [value(await (await connect(kind)).allocate()), value(await (await connect(kind)).allocate())];
    value(await a.createPermission([b.relayedAddress]));
    value(await b.createPermission([a.relayedAddress]));
    const texts = ['1', '22', '333', '4444', '55555', 'x'.repeat(1201)];

    const inIndications = arrivals(b, texts.length);
    for (const text of texts) a.send(b.relayedAddress, Buffer.from(text));
    expect(await inIndications).toEqual(texts);

    value(await a.bindChannel(b.relayedAddress));
    value(await b.bindChannel(a.relayedAddress));
    const onChannel = arrivals(a, texts.length);
    for (const text of texts) b.send(a.relayedAddress, Buffer.from(text));
    expect(await onChannel).toEqual(texts);
    expect(value(await a.refresh(900))).toBe(900);
    for (const allocation of [a, b]) value(await allocation.close());
  });

  it('hears of wrong credentials', async () => {
    const options = { ...optionsFor(kind), credentials: { username: 'user', password: 'wrong' } };
    const client = value(await openTurnClient(options));
    clients.push(client);
    expect(await client.allocate()).toMatchObject({
      error: { kind: 'error-response', code: 401, authenticated: true },
    });
  });

  it('reaches a peer over a TCP relay, whichever side speaks first', async () => {
    const relay = await tcpRelay(kind);
    // It may not close as well: coturn then ends the connection, even before it is bound.
    const greeting = await listenWith((socket) => socket.write('hello from the peer'));
    const echo = await listenWith((socket) => socket.pipe(socket));
    value(await relay.allocation.createPermission([greeting]));
    const greeted = value(await relay.connect(greeting));
    expect(String((await once(greeted, 'data'))[0])).toBe('hello from the peer');
    greeted.destroy();

    const stream = value(await relay.connect(echo));
    const sent = randomBytes(300_000);
    stream.write(sent);
    expect(sent.equals(await bytesFrom(stream, sent.length))).toBe(true);
    stream.destroy();
    value(await relay.allocation.close());
  });

  it('is told of a peer that connects, and takes it', async () => {
    const relay = await tcpRelay(kind);
    value(await relay.allocation.createPermission([{ ip: loopback, port: 9 }]));
    const attempt = new Promise<ConnectionAttempt>((resolve) => {
      relay.onConnectionAttempt = resolve;
    });
    const peer = connectSocket(relay.allocation.relayedAddress.port, '127.0.0.1');
    peer.on('error', () => {});
    peer.write('first words');
    const [arrived] = await Promise.all([attempt, once(peer, 'connect')]);
    expect(arrived.peer.port).toBe(peer.localPort);
    const stream = value(await relay.accept(arrived));
    expect(String((await once(stream, 'data'))[0])).toBe('first words');
    stream.write('an answer');
    expect(String((await once(peer, 'data'))[0])).toBe('an answer');
    peer.destroy();
    stream.destroy();
  });

  it('hears that a peer cannot be connected to', async () => {
    const relay = await tcpRelay(kind);
    const closed = await listenWith(() => {});
    servers.pop()!.close();
    value(await relay.allocation.createPermission([closed]));
    expect(await relay.connect(closed)).toMatchObject({ error: { kind: 'error-response', code: 447 } });
  });

  it('hears at once, at every request, that the connection is gone', async () => {
    const own = await startCoturn({ streams: { certificate: authority.issue() } });
    const server = { ip: loopback, port: kind === 'tcp' ? own.address.port : own.securePort };
    const client = value(await openTurnClient({ ...optionsFor(kind), server }));
    value(await client.binding());
    const lost = new Promise((resolve) => {
      client.stun.onSocketError = resolve;
    });
    await own.stop();
    expect(await lost).toMatchObject({ kind: 'lost' });
    expect(await client.binding()).toMatchObject({ error: { kind: 'connection-failed', error: { kind: 'lost' } } });
    client.close();
  });
});

describe.skipIf(!installed)('a client that does not trust the certificate', () => {
  it.each([
    ['name', { serverName: 'turn.example.org' }, 'certificate-wrong-name'],
    ['authority', { trusted: undefined }, 'certificate-untrusted'],
  ])('does not speak with the server: %s', async (_what, more, kind) => {
    const { trusted, ...rest } = { kind: 'tls' as const, serverName: '127.0.0.1', trusted: authority.ca, ...more };
    const transport: ClientTransport = { ...rest, ...(trusted !== undefined && { trusted }) };
    const client = await openTurnClient({ ...optionsFor('tls'), transport });
    expect(client).toMatchObject({ ok: false, error: { kind, certificate: { names: ['127.0.0.1', 'localhost'] } } });
  });
});

async function tcpRelay(kind: 'tcp' | 'tls'): Promise<TcpAllocation> {
  return value(await allocateTcp(await connect(kind), optionsFor(kind)));
}

async function listenWith(accepted: (socket: Socket) => void): Promise<TransportAddress> {
  const server = createServer((socket) => accepted(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { ip: loopback, port: (server.address() as AddressInfo).port };
}

async function bytesFrom(stream: Duplex, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunks[chunks.push(chunk as Buffer) - 1]!.length;
    if (length >= count) break;
  }
  return Buffer.concat(chunks);
}
