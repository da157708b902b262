import type { SendFailure } from '../relay/relay-plane.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { Listener } from '../turn/five-tuple.ts';
import type { Arrival } from '../turn/packet.ts';

/** A listener that can be sent through. */
export interface ClientListener extends Listener {
  /** Sends `buffer[start, end)` to a client. The bytes are the caller's again when this returns, or the shared buffer was renewed. */
  send(buffer: Buffer, start: number, end: number, client: TransportAddress): void;
  close(): void;
}

/** What listeners tell the state machine. */
export interface ClientListenerEvents {
  /** A client sent a message; `arrival` is refilled for the next one. */
  received(listener: ClientListener, arrival: Arrival): void;
  /** A message did not leave. */
  undelivered(failure: SendFailure, why: string | undefined): void;
}
