import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamSocket } from '../../src/client/stream-socket.ts';
import { TurnClient } from '../../src/client/turn-client.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { CertificateAuthority } from './certificates.ts';
import { requirePeer } from './peers.ts';
import { alice, allocate, connect, relay } from './relay-client.ts';
import { bindingRequest, StreamClient, type StreamClientOptions } from './stream-client.ts';
import { Taciturn } from './taciturn.ts';

/** The load balancer that the configuration trusts. */
const trusted = '127.0.0.2';

let authority: CertificateAuthority;
let daemon: Taciturn;

beforeAll(async () => {
  if (!requirePeer('openssl')) return;
  authority = new CertificateAuthority();
  const { certFile, keyFile } = authority.issue();
  daemon = await Taciturn.start(`
tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }
proxyProtocol: { trust: [${trusted}] }
limits: { connections: { handshake: 500ms, firstMessage: 1s, queuedBytes: 64KB } }`);
});

afterAll(async () => {
  await daemon?.stop();
  authority?.remove();
});

const available = requirePeer('openssl');

function open(options: Partial<StreamClientOptions> = {}): Promise<StreamClient> {
  return StreamClient.connect({ port: daemon.port, ...options });
}

function closedFor(reason: string): Promise<number> {
  return daemon.metric('taciturn_closed_connections_total', `"${reason}"`);
}

describe.skipIf(!available).each(['tcp', 'tls'] as const)('a client over %s', (transport) => {
  const secure = () => (transport === 'tls' ? { ca: authority.ca } : {});

  it('is answered, however its messages are cut or joined', async () => {
    const client = await open(secure());
    for (const byte of bindingRequest()) client.write(Buffer.from([byte]));
    await client.received(1);
    client.write(Buffer.concat([bindingRequest(), bindingRequest(), bindingRequest().subarray(0, 7)]));
    await client.received(3);
    client.close();
  });

  it('stays in sync behind ChannelData of 0xFFFF bytes', async () => {
    const client = await open(secure());
    const before = await client.binding();
    client.write(Buffer.concat([Buffer.from('4000ffff', 'hex'), Buffer.alloc(0x10000)]));
    expect(await client.binding()).toBe(before);
    client.close();
  });

  it('relays, and its allocation ends with its connection', async () => {
    const to = transport === 'tcp' ? { kind: 'tcp' as const } : tls();
    const [one, a] = await allocate(daemon.port, alice, to);
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'over a stream and back');
    await relay(b, a, 'and the other way');
    expect(await daemon.metric('taciturn_connections', `"${transport}"`)).toBeGreaterThan(0);
    one.close();
    await daemon.program.waitFor(
      new RegExp(`"allocation-ended".*"transport":"${transport}","reason":"client-disconnected"`),
    );
    await b.close();
    other.close();
  });
});

function tls() {
  return { kind: 'tls' as const, serverName: '127.0.0.1', trusted: authority.ca };
}

describe.skipIf(!available)('what is no STUN', () => {
  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['zeros', '\0'.repeat(50)],
    ['ChannelData without a message before it', '\x40\0\0\x04abcd'],
  ])('is closed at once and counted: %s', async (_what, bytes) => {
    const before = await closedFor('not-stun');
    const client = await open();
    client.write(bytes);
    await client.closed;
    expect(await closedFor('not-stun')).toBe(before + 1);
  });

  it('is closed inside TLS too', async () => {
    const before = await closedFor('not-stun');
    const client = await open({ ca: authority.ca });
    client.write('GET / HTTP/1.1\r\n\r\n');
    await client.closed;
    expect(await closedFor('not-stun')).toBe(before + 1);
  });

  it('does not fill the log', async () => {
    const linesBefore = daemon.log.length;
    const clients = await Promise.all(Array.from({ length: 60 }, () => open()));
    for (const client of clients) client.write('GET / HTTP/1.1\r\n\r\n');
    await Promise.all(clients.map(({ closed }) => closed));
    const lines = daemon.log.slice(linesBefore);
    expect(lines.length).toBeLessThan(30);
    expect(lines.every(({ event, level }) => event === 'connection-closed' && level === 'info')).toBe(true);
  });

  it('half a TLS hello, or half a message, has only so much time', async () => {
    for (const [reason, bytes] of [
      ['handshake-timeout', Buffer.from('160301020001000200', 'hex')],
      ['first-message-timeout', bindingRequest().subarray(0, 19)],
      ['first-message-timeout', Buffer.alloc(0)],
    ] as const) {
      const before = await closedFor(reason);
      const client = await open();
      client.write(bytes);
      await client.closed;
      expect(await closedFor(reason)).toBe(before + 1);
    }
    expect(await daemon.metric('taciturn_pending_connections')).toBe(0);
  });

  it('a TLS hello that is garbage fails', async () => {
    const before = await closedFor('handshake-failed');
    const client = await open();
    client.write('\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff');
    await client.closed;
    expect(await closedFor('handshake-failed')).toBe(before + 1);
  });
});

describe.skipIf(!available)('TLS', () => {
  /** What client and server agree on. */
  async function handshake(options: object): Promise<string> {
    const socket = connectTls({ port: daemon.port, host: '127.0.0.1', ca: authority.ca, ...options });
    await once(socket, 'secureConnect');
    const agreed = `${socket.getProtocol()} ${socket.alpnProtocol || 'no protocol'}`;
    socket.destroy();
    return agreed;
  }

  it('is 1.3 or 1.2, with the application protocols of RFC 7443', async () => {
    expect(await handshake({})).toBe('TLSv1.3 no protocol');
    expect(await handshake({ maxVersion: 'TLSv1.2', ALPNProtocols: ['stun.turn'] })).toBe('TLSv1.2 stun.turn');
    expect(await handshake({ ALPNProtocols: ['h2', 'stun.nat-discovery'] })).toBe('TLSv1.3 stun.nat-discovery');
  });

  it.each([
    ['nothing before 1.2', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }],
    ['no key exchange without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES128-SHA' }],
    ['no other application protocol', { ALPNProtocols: ['http/1.1'] }],
  ])('has %s', async (_what, options) => {
    await expect(handshake(options)).rejects.toThrow();
  });

  it('is offered at a port of its own as well', async () => {
    const ports = daemon.report.listening.filter(({ transport }) => transport === 'tls').map(({ port }) => port);
    const [port] = ports.filter((one) => one !== daemon.port);
    const client = await open({ port: port!, ca: authority.ca });
    await client.binding();
    client.close();
    expect(daemon.report.urls).toEqual([
      `stun:127.0.0.1:${daemon.port}`,
      `turn:127.0.0.1:${daemon.port}?transport=udp`,
      `turn:127.0.0.1:${daemon.port}?transport=tcp`,
      `turns:127.0.0.1:${port}?transport=tcp`,
    ]);
  });
});

describe.skipIf(!available)('behind a load balancer', () => {
  const line = 'PROXY TCP4 203.0.113.7 127.0.0.1 4711 443\r\n';
  const version2 = (command: string) => Buffer.from(`0d0a0d0a000d0a515549540a${command}`, 'hex');
  const named = '11000ccb0071077f000001126701bb';

  it.each([
    ['version 1', line],
    ['version 2', version2(`21${named}`)],
  ])('the client is whom the header names: %s', async (_what, header) => {
    for (const secure of [{}, { ca: authority.ca }]) {
      const client = await open({ from: trusted, header, ...secure });
      expect(await client.binding()).toBe('203.0.113.7:4711');
      client.close();
    }
  });

  it.each([
    ['version 1 UNKNOWN', 'PROXY UNKNOWN\r\n'],
    ['version 2 LOCAL', version2(`20${named}`)],
    ['version 2 UNSPEC', version2('21000000')],
  ])('the client is the socket itself: %s', async (_what, header) => {
    const client = await open({ from: trusted, header });
    expect(await client.binding()).toMatch(/^127\.0\.0\.2:/);
    client.close();
  });

  it('the header may come in pieces', async () => {
    for (const header of [Buffer.from(line), version2(`21${named}`)]) {
      const client = await open({ from: trusted });
      for (const byte of header) client.write(Buffer.from([byte]));
      expect(await client.binding()).toBe('203.0.113.7:4711');
      client.close();
    }
  });

  it('a header from anywhere else, or none from there, closes the connection', async () => {
    for (const [reason, from, bytes] of [
      ['untrusted-proxy', '127.0.0.3', Buffer.from(line)],
      ['untrusted-proxy', '127.0.0.3', version2(`21${named}`)],
      ['bad-proxy-header', trusted, bindingRequest()],
    ] as const) {
      const before = await closedFor(reason);
      const client = await open({ from });
      client.write(bytes);
      await client.closed;
      expect(await closedFor(reason)).toBe(before + 1);
    }
  });
});

describe.skipIf(!available)('a client that does not read', () => {
  it('has its packets dropped and counted, while others are served, and is in sync when it reads again', async () => {
    const server = { ip: IpAddress.parse('127.0.0.1')!, port: daemon.port };
    const socket: Socket = connectTcp(daemon.port, '127.0.0.1');
    await once(socket, 'connect');
    const local = { ip: server.ip, port: socket.localPort! };
    const slow = new TurnClient(new StreamSocket(socket, local, server), { server, credentials: alice });
    const allocated = await slow.allocate();
    if (!allocated.ok) throw new Error(JSON.stringify(allocated.error));
    const [client, sender] = await allocate(daemon.port);
    await relay(sender, allocated.value, 'before');

    socket.pause();
    const dropped = () => daemon.metric('taciturn_dropped_packets_total', '"send-queue-full"');
    while ((await dropped()) === 0) {
      for (let i = 0; i < 500; i++) sender.send(allocated.value.relayedAddress, Buffer.alloc(1200, i));
    }
    const other = await open();
    await other.binding();
    other.close();

    socket.resume();
    await relay(sender, allocated.value, 'after');
    expect((await allocated.value.refresh()).ok).toBe(true);
    slow.close();
    await sender.close();
    client.close();
  });
});

describe.skipIf(!available)('an idle connection', () => {
  it('is closed, unless it has an allocation', async ({ onTestFinished }) => {
    const own = await Taciturn.start('limits: { connections: { idle: 200ms } }');
    onTestFinished(() => own.stop());
    const client = await connect(own.port, alice, { kind: 'tcp' });
    const allocation = await client.allocate();
    if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
    // Two idle lives, one after the other, are longer than one.
    for (let i = 0; i < 2; i++) {
      const idle = await StreamClient.connect({ port: own.port });
      await idle.binding();
      await idle.closed;
    }
    expect((await allocation.value.refresh()).ok).toBe(true);
    expect(await own.metric('taciturn_closed_connections_total', '"idle"')).toBe(2);
    await allocation.value.close();
    client.close();
  });
});
