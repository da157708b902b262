import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { CertificateAuthority, type CertificateWishes } from './certificates.ts';
import { type Coturn, startCoturn } from './coturn.ts';
import { requirePeer } from './peers.ts';
import { sharedSecret, Taciturn } from './taciturn.ts';

const withOpenssl = requirePeer('openssl');
const withCoturn = requirePeer('turnserver') && withOpenssl;

let authority: CertificateAuthority;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeAll(() => {
  if (withOpenssl) authority = new CertificateAuthority();
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  authority?.remove();
});

async function check(line: readonly string[], environment: Record<string, string> = {}) {
  let stdout = '';
  const into = new Writable({
    write(chunk, _encoding, done) {
      stdout += String(chunk);
      done();
    },
  });
  const streams = { stdin: Readable.from(['']), stdout: into, stderr: into };
  const code = await main(['check', ...line, '--no-quality'], environment, streams);
  return { code, stdout };
}

/** The port of a server, which is closed at the end with all its connections. */
async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server that speaks TLS, and nothing inside. */
function tlsServer(wishes: CertificateWishes): Promise<number> {
  const { cert, key } = authority.issue(wishes);
  const server = createTlsServer({ cert, key, ALPNProtocols: ['stun.turn'] });
  server.on('tlsClientError', () => {});
  return listen(server);
}

describe.skipIf(!withCoturn)('taciturn check with coturn over TCP and TLS', () => {
  const user = ['--username', 'user'];
  const environment = { TACITURN_PASSWORD: 'pass' };
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ streams: { certificate: authority.issue() }, args: ['--allow-loopback-peers'] });
  });

  afterAll(async () => {
    await coturn?.stop();
  });

  it('passes over TCP', async () => {
    const { code, stdout } = await check([`${coturn.url}?transport=tcp`, ...user], environment);
    expect(stdout).toMatch(/^✓ connect .*127\.0\.0\.1:\d+$/m);
    expect(stdout).toMatch(/^✓ echo .*5 of 5 packets/m);
    expect(code).toBe(0);
  });

  it('passes over TLS, and tells of the certificate', async () => {
    const { code, stdout } = await check([coturn.secureUrl, ...user, '--ca', authority.caFile], environment);
    expect(stdout).toMatch(/^✓ tls .*TLSv1\.[23], certificate of 127\.0\.0\.1, localhost for another \d+ days$/m);
    expect(code).toBe(0);
  });

  it('fails where the authority is not trusted', async () => {
    const { code, stdout } = await check([coturn.secureUrl, ...user], environment);
    expect(stdout).toMatch(/issued by Test authority, which leads to no authority that is trusted here/);
    expect(code).toBe(2);
  });
});

describe.skipIf(!withCoturn)('taciturn check with a coturn that has no TLS', () => {
  it('finds out that it speaks without', async () => {
    const coturn = await startCoturn({ streams: {} });
    const { code, stdout } = await check([coturn.url.replace('turn:', 'turns:')]);
    await coturn.stop();
    expect(stdout).toMatch(/answers STUN, but without TLS\.\n.*Use turn:127\.0\.0\.1:\d+\?transport=tcp/);
    expect(code).toBe(2);
  });
});

describe.skipIf(!withOpenssl)('taciturn check with a certificate', () => {
  it.each<[string, CertificateWishes, RegExp]>([
    ['that has expired', { days: -1 }, /The certificate expired on \d{4}-\d\d-\d\d/],
    ['that is self-signed', { selfSigned: true }, /The certificate is self-signed/],
    ['for another name', { names: ['DNS:turn.example.org'] }, /is for turn\.example\.org, and not for 127\.0\.0\.1/],
  ])('%s fails at TLS and says so', async (_what, wishes, says) => {
    const { code, stdout } = await check([`turns:127.0.0.1:${await tlsServer(wishes)}`, '--ca', authority.caFile]);
    expect(stdout).toMatch(/^✗ tls /m);
    expect(stdout).toMatch(says);
    expect(code).toBe(2);
  });

  it('warns of one that ends soon', async () => {
    const port = await tlsServer({ days: 3 });
    const { stdout } = await check([`turns:127.0.0.1:${port}`, '--ca', authority.caFile]);
    expect(stdout).toMatch(/note {3}The certificate ends in [23] days/);
  });
});

describe('taciturn check where there is no TURN server', () => {
  it('says that a port is closed', async () => {
    const port = await listen(createServer());
    servers.pop()!.close();
    const { code, stdout } = await check([`turn:127.0.0.1:${port}?transport=tcp`]);
    expect(stdout).toMatch(new RegExp(`nothing listens at 127\\.0\\.0\\.1:${port} over TCP`));
    expect(code).toBe(2);
  });

  it('recognises a web server', async () => {
    const port = await listen(createHttpServer());
    expect((await check([`turn:127.0.0.1:${port}?transport=tcp`])).stdout).toMatch(/A web server answers at/);
    expect((await check([`turns:127.0.0.1:${port}`])).stdout).toMatch(/A web server answers at/);
  });

  it.skipIf(!withOpenssl)('recognises a web server with TLS', async () => {
    const { cert, key } = authority.issue();
    const port = await listen(createHttpsServer({ cert, key }));
    const { code, stdout } = await check([`turns:127.0.0.1:${port}`, '--ca', authority.caFile]);
    expect(stdout).toMatch(/A web server, or another service with TLS, answers at/);
    expect(code).toBe(2);
  });

  it.skipIf(!withOpenssl)('recognises a web server with TLS that takes any application protocol', async () => {
    const { cert, key } = authority.issue();
    const server = createTlsServer({ cert, key }, (socket) => {
      socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    const { stdout } = await check([`turns:127.0.0.1:${await listen(server)}`, '--ca', authority.caFile]);
    expect(stdout).toMatch(/✗ binding.*\n.*A web server answers at/);
  });

  it('recognises an SSH server', async () => {
    const port = await listen(createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n')));
    expect((await check([`turn:127.0.0.1:${port}?transport=tcp`])).stdout).toMatch(/An SSH server answers at/);
    expect((await check([`turns:127.0.0.1:${port}`])).stdout).toMatch(/An SSH server answers at/);
  });

  it.each<[string, (request: Buffer) => Buffer, RegExp]>([
    ['an echo service', (request) => request, /An echo service answers at/],
    // What a DNS server says to a question that it cannot read: its id, an answer, FORMERR.
    [
      'a DNS server',
      (request) => Buffer.concat([request.subarray(0, 2), Buffer.from('80010000000000000000', 'hex')]),
      /A DNS server answers at/,
    ],
  ])('recognises %s over UDP', async (_what, reply, says) => {
    const socket = createSocket('udp4', (request, from) => socket.send(reply(request), from.port, from.address));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { stdout } = await check([`turn:127.0.0.1:${socket.address().port}`]);
    socket.close();
    expect(stdout).toMatch(says);
  });

  it.skipIf(!withOpenssl)('finds out that a port speaks TLS', async () => {
    const port = await tlsServer({});
    const { stdout } = await check([`turn:127.0.0.1:${port}?transport=tcp`]);
    expect(stdout).toMatch(new RegExp(`speaks TLS, and was asked without\\.\n.*Use turns:127\\.0\\.0\\.1:${port}\\.`));
  });

  it.concurrent.each([
    ['turn', '?transport=tcp', /takes the connection but does not answer a Binding request/],
    ['turns', '', /takes the connection but does not answer the TLS handshake/],
  ])('says that a port is silent: %s', async (scheme, query, says) => {
    const port = await listen(createServer());
    const { code, stdout } = await check([`${scheme}:127.0.0.1:${port}${query}`]);
    expect(stdout).toMatch(says);
    expect(code).toBe(2);
  });

  it.concurrent('says that no connection comes about', async ({ onTestFinished }) => {
    const { port, stop } = await portThatNobodyAccepts();
    onTestFinished(stop);
    expect((await check([`turn:127.0.0.1:${port}?transport=tcp`])).stdout).toMatch(
      /No TCP connection to .* comes about/,
    );
  });
});

describe.skipIf(!withOpenssl)('taciturn check with our own server', () => {
  it('passes over TCP and TLS', async ({ onTestFinished }) => {
    const { certFile, keyFile } = authority.issue();
    const server = await Taciturn.start(`tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }`);
    onTestFinished(() => server.stop());
    for (const url of [`turn:127.0.0.1:${server.port}?transport=tcp`, `turns:127.0.0.1:${server.port}`]) {
      const { code, stdout } = await check([url, '--ca', authority.caFile], { TACITURN_SECRET: sharedSecret });
      expect(stdout).toMatch(/^✓ echo .*5 of 5 packets/m);
      expect(code).toBe(0);
    }
  });
});

/** A port whose queue of connections is full: to whoever connects it looks as if a firewall dropped the packets. */
async function portThatNobodyAccepts(): Promise<{ port: number; stop: () => Promise<void> }> {
  const script = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(script, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  for (let i = 0; i < 3; i++) sockets.add(connect(port, '127.0.0.1').on('error', () => {}));
  return { port, stop: async () => void (await worker.terminate()) };
}
