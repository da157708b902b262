import { type AddressInfo, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDaemon } from '../../test/api/fake-daemon.ts';
import { CertificateAuthority } from '../../test/interop/certificates.ts';
import { requirePeer } from '../../test/interop/peers.ts';

describe.skipIf(!requirePeer('openssl'))('the HTTP service with a certificate', () => {
  let authority: CertificateAuthority;
  let daemon: FakeDaemon;
  let port: number;
  beforeAll(async () => {
    authority = new CertificateAuthority();
    const { cert: certificate, key } = authority.issue();
    daemon = new FakeDaemon({ tls: { certificate, key } });
    await daemon.service.listen({ host: '127.0.0.1', port: 0 });
    port = (daemon.service.server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    await daemon?.service.close();
    authority?.remove();
  });

  const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

  /** All that is sent back until the connection ends, or the error that ends it. */
  function answerTo(socket: ReturnType<typeof connect>, text: string): Promise<string> {
    return new Promise((resolve) => {
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(received));
      socket.write(text);
    });
  }

  it('speaks TLS', async () => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: authority.ca, servername: 'localhost' });
    const answer = await answerTo(socket, request);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('answers nothing to whoever does not speak TLS, and goes on', async () => {
    expect(await answerTo(connect(port, '127.0.0.1'), request)).not.toContain('HTTP/1.1 200');
    const socket = connectTls({ port, host: '127.0.0.1', ca: authority.ca, servername: 'localhost' });
    expect(await answerTo(socket, request)).toContain('HTTP/1.1 200');
    expect(daemon.faults).toEqual([]);
  });
});
