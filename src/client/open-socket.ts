import type { Socket } from 'node:net';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { Clock } from './clock.ts';
import type { MessageSocket } from './message-socket.ts';
import { type Result, success } from './result.ts';
import { connectTcp, openTcp, startTls, type TlsOptions } from './tcp-connection.ts';
import type { TransportError } from './transport-error.ts';
import { openUdpSocket } from './udp-socket.ts';

/** How a client reaches its server. */
export type ClientTransport =
  | { readonly kind: 'udp' }
  | { readonly kind: 'tcp' }
  | ({ readonly kind: 'tls' } & TlsOptions);

/** How a socket is opened. */
export interface OpenOptions {
  /** The local address to send from; without it the system chooses by route. */
  readonly localIp?: IpAddress;
  /** Milliseconds for a TCP connection, and again for the TLS handshake. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Opens a socket that is connected to a server, up to the end of the TLS handshake where there is one. */
export async function openSocket(
  server: TransportAddress,
  transport: ClientTransport,
  options: OpenOptions = {},
): Promise<Result<MessageSocket, TransportError>> {
  if (transport.kind === 'udp') {
    const { localIp } = options;
    return openUdpSocket({ family: server.ip.family, connectTo: server, ...(localIp && { localIp }) });
  }
  const connection = await connectTcp({ server, ...options });
  if (!connection.ok) return connection;
  if (transport.kind === 'tcp') return success(connection.value.plain());
  const secured = await connection.value.secure(transport);
  return secured.ok ? success(secured.value.socket) : secured;
}

/** Opens a connection whose bytes are the caller's own affair, as the data connections of RFC 6062 are. */
export async function openStream(
  server: TransportAddress,
  transport: Exclude<ClientTransport, { kind: 'udp' }>,
  options: OpenOptions = {},
): Promise<Result<Socket, TransportError>> {
  const connection = await openTcp({ server, ...options });
  if (!connection.ok || transport.kind === 'tcp') return connection;
  const secured = await startTls(connection.value, { server, ...options, ...transport });
  return secured.ok ? success(secured.value.socket) : secured;
}
