import type { Duplex } from 'node:stream';
import type { SendFailure } from '../relay/relay-plane.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { Listener } from '../turn/five-tuple.ts';
import type { Arrival } from '../turn/packet.ts';

/** A listener that can be sent through. */
export interface ClientListener extends Listener {
  /**
   * Sends `buffer[start, end)` to a client. The bytes are the caller's again when this returns, or the shared buffer was renewed.
   *
   * @param ttl time to live or hop limit, -1 for the system's default; it and the traffic class are for listeners that can set them.
   */
  send(buffer: Buffer, start: number, end: number, client: TransportAddress, ttl: number, trafficClass: number): void;
  /** An allocation has begun or ended on a five-tuple of this listener. Only the connection of a single client cares. */
  allocationChanged?(exists: boolean): void;
  close(): void;
}

/** The connection of one TCP or TLS client. */
export interface ClientConnection extends ClientListener {
  readonly transport: 'tcp' | 'tls';
  /** Stops reading messages: the bytes that come from now on, and those that wait already, are the caller's (RFC 6062 §5.4). */
  release(): { readonly stream: Duplex; readonly unread: Buffer };
}

/** What listeners tell the state machine. */
export interface ClientListenerEvents {
  /** A client sent a message; `arrival` is refilled for the next one. */
  received(listener: ClientListener, arrival: Arrival): void;
  /** A message did not leave. */
  undelivered(failure: SendFailure, why: string | undefined): void;
}
