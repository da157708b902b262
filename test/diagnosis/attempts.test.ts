import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DiagnosisNetwork } from '../../src/diagnosis/network.ts';
import { systemNetwork } from '../../src/diagnosis/system-network.ts';
import type { Attempt } from '../../src/diagnosis/transports/attempt.ts';
import { attemptTcp, attemptTls } from '../../src/diagnosis/transports/attempt-stream.ts';
import { attemptUdp } from '../../src/diagnosis/transports/attempt-udp.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { CertificateAuthority } from '../interop/certificates.ts';

const ip = IpAddress.parse('127.0.0.1')!;
const network = systemNetwork();
const attempt = (port: number, transport: Attempt['transport'], host = '127.0.0.1', isStunPort = true): Attempt => {
  return { server: { ip, port }, host, transport, isStunPort };
};

describe('an attempt to reach a server', () => {
  const closers: (() => void)[] = [];
  let authority: CertificateAuthority;
  beforeAll(() => {
    authority = new CertificateAuthority();
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });
  afterAll(() => authority.remove());

  async function listen(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    server.on('tlsClientError', () => {});
    closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  function tlsServer(wishes: Parameters<CertificateAuthority['issue']>[0]): Promise<number> {
    const { cert, key } = authority.issue(wishes);
    return listen(createTlsServer({ cert, key }, (socket) => socket.on('error', () => {})));
  }

  const trusting = (): DiagnosisNetwork => ({ ...network, systemAuthorities: () => authority.ca });

  it('is rejected where nothing listens', async () => {
    const server = createServer();
    const port = await listen(server);
    server.close();
    expect(await attemptTcp(network, attempt(port, 'tcp'))).toMatchObject({ outcome: 'rejected' });
    expect(await attemptTls(network, attempt(port, 'tls'))).toMatchObject({ outcome: 'rejected' });
    expect(await attemptUdp(network, attempt(port, 'udp'))).toMatchObject({ outcome: 'rejected' });
  });

  it('is intercepted by what does not speak STUN at a port for it', async () => {
    const port = await listen(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(await attemptTcp(network, attempt(port, 'tcp'))).toMatchObject({
      outcome: 'intercepted',
      detail: 'A web server answers where STUN is expected.',
    });
    expect(await attemptTcp(network, attempt(port, 'tcp', '127.0.0.1', false))).toMatchObject({
      outcome: 'not-tested',
    });
    expect(await attemptTls(network, attempt(port, 'tls'))).toMatchObject({ outcome: 'intercepted' });
  });

  it('is intercepted by UDP that does not speak STUN', async () => {
    const server = createSocket('udp4');
    closers.push(() => server.close());
    server.on('message', (_, { port }) => server.send('hello', port, '127.0.0.1'));
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    expect(await attemptUdp(network, attempt(server.address().port, 'udp'))).toMatchObject({ outcome: 'intercepted' });
  });

  it('is cut where a connection is closed at once', async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    expect(await attemptTcp(network, attempt(port, 'tcp'))).toMatchObject({
      outcome: 'rejected',
      mayBeOtherwise: true,
    });
    expect(await attemptTls(network, attempt(port, 'tls'))).toMatchObject({
      outcome: 'rejected',
      mayBeOtherwise: true,
    });
  });

  it('finds TLS where it tried plain STUN', async () => {
    const port = await tlsServer({});
    const { outcome } = await attemptTcp(network, attempt(port, 'tcp'));
    expect(['not-tested', 'rejected']).toContain(outcome);
  });

  it('is intercepted by a certificate that leads to nobody', async () => {
    const [own, other] = [await tlsServer({ selfSigned: true }), await tlsServer({})];
    expect(await attemptTls(network, attempt(own, 'tls'))).toMatchObject({
      outcome: 'intercepted',
      detail: expect.stringContaining('self-signed'),
    });
    expect(await attemptTls(network, attempt(other, 'tls'))).toMatchObject({
      outcome: 'intercepted',
      detail: expect.stringContaining('not trusted'),
    });
  });

  it('is intercepted by an authority that only this system trusts', async () => {
    const port = await tlsServer({});
    expect(await attemptTls(trusting(), attempt(port, 'tls'))).toMatchObject({
      outcome: 'intercepted',
      detail: expect.stringContaining('TLS is inspected on the way'),
    });
  });

  it('does not take an expired certificate for an interception', async () => {
    const port = await tlsServer({ days: -1 });
    const { outcome, detail } = await attemptTls(network, attempt(port, 'tls'));
    expect([outcome, detail]).not.toContain('open');
  });
});
