import type { TransportAddress } from '../stun/ip-address.ts';
import type { TransportError } from './transport-error.ts';

/** What the client sends and receives messages through: UDP, TCP, TLS, or memory in tests. */
export interface MessageSocket {
  readonly localAddress: TransportAddress;
  /**
   * Whether what is sent arrives or the connection breaks, as with TCP and TLS. Requests are then sent once
   * (RFC 8489 §6.2.2), and after an error nothing more will come.
   */
  readonly reliable: boolean;
  /** Sends one message. The bytes must stay as they are; what the system refuses is told to {@link onError}. */
  send(bytes: Uint8Array, to: TransportAddress): void;
  /** Called for every message; whoever uses the socket sets it. The bytes belong to the receiver. */
  onMessage: (bytes: Buffer, from: TransportAddress) => void;
  /** Called when the system reports an error, such as an ICMP "port unreachable" that came back, or a lost connection. */
  onError: (error: TransportError) => void;
  close(): void;
}
