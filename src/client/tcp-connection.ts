import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type CertificateSummary, summarizeCertificate } from './certificate.ts';
import { type Clock, systemClock } from './clock.ts';
import type { MessageSocket } from './message-socket.ts';
import { failure, type Result, success } from './result.ts';
import { StreamSocket } from './stream-socket.ts';
import { explainTlsFailure } from './tls-failure.ts';
import { systemError, type TransportError } from './transport-error.ts';

/** How long to wait for a connection, and again for TLS on it. */
const TIMEOUT_MS = 10_000;

export interface TcpOptions {
  readonly server: TransportAddress;
  /** The local address to connect from; without it the system chooses by route. */
  readonly localIp?: IpAddress;
  /** Milliseconds for the connection, and again for the TLS handshake. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Whom to trust over TLS. */
export interface TlsOptions {
  /** The name or IP address that the certificate must be for. */
  readonly serverName: string;
  /** PEM certificates to trust in place of the usual ones. */
  readonly trusted?: string;
}

/** What TLS agreed on. */
export interface TlsSession {
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The application protocol (RFC 7443), when the server chose one. */
  readonly alpn: string | undefined;
  readonly certificate: CertificateSummary;
}

export interface SecureConnection {
  readonly socket: MessageSocket;
  readonly session: TlsSession;
}

/** A TCP connection over which nothing has been said yet. */
export interface TcpConnection {
  /** Speaks STUN on it as it is. */
  plain(): MessageSocket;
  /** Speaks TLS first. The connection is closed when that fails. */
  secure(options: TlsOptions): Promise<Result<SecureConnection, TransportError>>;
  close(): void;
}

/** Connects to a server over TCP. */
export async function connectTcp(options: TcpOptions): Promise<Result<TcpConnection, TransportError>> {
  const { server } = options;
  const socket = await openTcp(options);
  if (!socket.ok) return socket;
  return success({
    plain: () => streamSocket(socket.value, server),
    async secure(tlsOptions) {
      const secured = await startTls(socket.value, { ...options, ...tlsOptions });
      if (!secured.ok) return secured;
      return success({ socket: streamSocket(secured.value.socket, server), session: secured.value.session });
    },
    close: () => socket.value.destroy(),
  });
}

/** The bare connection. */
export function openTcp(options: TcpOptions): Promise<Result<Socket, TransportError>> {
  const { server, localIp, timeoutMs = TIMEOUT_MS, clock = systemClock } = options;
  const socket = connect({
    host: server.ip.text,
    port: server.port,
    noDelay: true,
    ...(localIp && { localAddress: localIp.text }),
  });
  return new Promise((resolve) => {
    const end = (result: Result<Socket, TransportError>) => {
      timer.cancel();
      socket.off('connect', connected);
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const connected = () => end(success(socket));
    const timer = clock.schedule(timeoutMs, () => end(failure(timedOut('no connection', timeoutMs))));
    socket.once('connect', connected);
    // It stays: an error may still come when nobody else listens, and would end the process.
    socket.on('error', (error) => end(failure(systemError(error))));
  });
}

/**
 * TLS on a connection, with the certificate verified: trusted, in its time, and for the name (RFC 8489 §6.2.3).
 * The connection is closed when that fails.
 */
export function startTls(
  connection: Socket,
  options: TcpOptions & TlsOptions,
): Promise<Result<{ readonly socket: TLSSocket; readonly session: TlsSession }, TransportError>> {
  const { serverName, trusted, timeoutMs = TIMEOUT_MS, clock = systemClock } = options;
  const socket = connectTls({
    socket: connection,
    host: serverName,
    // SNI carries names only, and those without the dot at the end (RFC 6066 §3).
    ...(isIP(serverName) === 0 && { servername: serverName.replace(/\.$/, '') }),
    ...(trusted !== undefined && { ca: trusted }),
    ALPNProtocols: ['stun.turn'],
    // What a server shows is worth telling, so the handshake is let through and judged below, before anything is sent.
    rejectUnauthorized: false,
  });
  return new Promise((resolve) => {
    const end = (result: Result<{ readonly socket: TLSSocket; readonly session: TlsSession }, TransportError>) => {
      timer.cancel();
      socket.off('close', closed);
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const closed = () => end(failure(explainTlsFailure(new Error('The connection was closed.'))));
    const timer = clock.schedule(timeoutMs, () => end(failure(timedOut('no TLS handshake', timeoutMs))));
    socket.once('secureConnect', () => end(judge(socket)));
    socket.once('close', closed);
    socket.on('error', (error) => end(failure(explainTlsFailure(error))));
  });
}

function judge(
  socket: TLSSocket,
): Result<{ readonly socket: TLSSocket; readonly session: TlsSession }, TransportError> {
  const shown = socket.getPeerX509Certificate();
  const certificate = shown && summarizeCertificate(shown);
  // With rejectUnauthorized off, Node leaves the code of the problem here.
  const problem = socket.authorizationError as unknown as string | null;
  if (!socket.authorized || !certificate) {
    const error = Object.assign(new Error(`The certificate is not accepted (${problem}).`), { code: problem });
    return failure({ ...explainTlsFailure(error), ...(certificate && { certificate }) });
  }
  const session = {
    protocol: socket.getProtocol() ?? 'TLS',
    cipher: socket.getCipher().name,
    alpn: socket.alpnProtocol || undefined,
    certificate,
  };
  return success({ socket, session });
}

function streamSocket(socket: Socket, server: TransportAddress): StreamSocket {
  const local = { ip: IpAddress.parse(socket.localAddress ?? '')!, port: socket.localPort ?? 0 };
  return new StreamSocket(socket, local, server);
}

function timedOut(what: string, afterMs: number): TransportError {
  return { kind: 'timed-out', code: 'ETIMEDOUT', message: `There was ${what} within ${afterMs / 1000} s.` };
}
