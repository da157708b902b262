import type { TransportAddress } from '../stun/ip-address.ts';

/** How a client reaches the server. */
export type ClientTransport = 'udp' | 'tcp' | 'tls';

/**
 * The server's side of a path to clients: a UDP socket, which many clients share, or the connection of one TCP or TLS client.
 */
export interface Listener {
  /** A number, unique among the live ones of this server; it tells the five-tuples of two listeners apart. */
  readonly id: number;
  readonly transport: ClientTransport;
  readonly local: TransportAddress;
}

/** Client address and port, server address and port, transport: what an allocation belongs to (RFC 8656 §2). */
export interface FiveTuple {
  readonly listener: Listener;
  readonly client: TransportAddress;
}
