import type { TransportAddress } from '../stun/ip-address.ts';

/** What the client sends and receives datagrams through: UDP (`udp-socket.ts`), or memory in tests. */
export interface DatagramSocket {
  readonly localAddress: TransportAddress;
  /** Sends one datagram. The bytes must stay as they are; what the system refuses is told to {@link onError}. */
  send(bytes: Uint8Array, to: TransportAddress): void;
  /** Called for every datagram; whoever uses the socket sets it. The bytes belong to the receiver. */
  onDatagram: (bytes: Buffer, from: TransportAddress) => void;
  /** Called when the system reports an error, such as an ICMP "port unreachable" that came back. */
  onError: (error: SocketError) => void;
  close(): void;
}

export interface SocketError {
  /** The system's name for it, such as `ECONNREFUSED`. */
  readonly code: string;
  readonly message: string;
}

const unreachableCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);

/** True for errors after which waiting for an answer is pointless (RFC 8489 §6.2.1: a hard ICMP error ends a transaction). */
export function isUnreachable(error: SocketError): boolean {
  return unreachableCodes.has(error.code);
}
