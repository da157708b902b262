import { X509Certificate } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { explainTlsFailure } from '../../client/tls-failure.ts';
import { systemError } from '../../client/transport-error.ts';
import type { CommandFailure } from '../command-failure.ts';
import type { DaemonAddress } from './daemon-address.ts';
import { connectionFailure, tlsFailure, untrustedCertificate } from './daemon-failure.ts';

const timeoutMs = 5000;

/**
 * Connects to the HTTP service. Over TLS, the certificate is checked before anything is sent: it must be the very one of the
 * server's own configuration, or have been signed by somebody who is trusted and be for the name in the URL or the public host.
 *
 * @throws CommandFailure
 */
export async function connectToDaemon(address: DaemonAddress): Promise<Socket> {
  const url = new URL(address.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const tcp = await opened(connectTcp({ host, port }), 'connect', (error) =>
    connectionFailure(url, systemError(error)),
  );
  if (url.protocol === 'http:') return tcp;
  const name = address.publicHost ?? host;
  const tls = connectTls({
    socket: tcp,
    // It names the host of the check; an address must not be sent as server name.
    host: name,
    ...(isIP(name) === 0 && { servername: name }),
    ...(address.trusted !== undefined && { ca: address.trusted }),
    ALPNProtocols: ['http/1.1'],
    // Checked below, as a certificate that is known may be one that nobody has signed.
    rejectUnauthorized: false,
  });
  await opened(tls, 'secureConnect', (error) => tlsFailure(url, explainTlsFailure(error)));
  if (tls.authorized || isCertificate(tls, address.certificate)) return tls;
  const problem = Object.assign(new Error('untrusted'), { code: String(tls.authorizationError) });
  tls.destroy();
  throw untrustedCertificate(url, explainTlsFailure(problem));
}

function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  explain: (error: Error) => CommandFailure,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy();
      reject(explain(error));
    };
    const closed = () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    const late = () => fail(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }));
    const timer = setTimeout(late, timeoutMs);
    socket.once('error', fail).once('close', closed);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', fail).off('close', closed);
      // Until the request has listeners of its own, which hear of it in the form of a close.
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}

function isCertificate(socket: TLSSocket, expected: string | undefined): boolean {
  if (expected === undefined) return false;
  try {
    return socket.getPeerX509Certificate()?.fingerprint256 === new X509Certificate(expected).fingerprint256;
  } catch {
    // The file holds no certificate.
    return false;
  }
}
