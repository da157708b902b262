import type { TransportAddress } from '../stun/ip-address.ts';

/** How a client reaches the server. */
export type ClientTransport = 'udp';

/** A transport address on which the server takes in clients. */
export interface Listener {
  /** A small number, unique in this server; it tells the five-tuples of two listeners apart. */
  readonly id: number;
  readonly transport: ClientTransport;
  readonly local: TransportAddress;
}

/** Client address and port, server address and port, transport: what an allocation belongs to (RFC 8656 §2). */
export interface FiveTuple {
  readonly listener: Listener;
  readonly client: TransportAddress;
}
