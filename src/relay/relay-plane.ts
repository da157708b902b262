import type { ChannelBinding, RelayedAddress } from '../turn/allocation.ts';
import type { OpenFailure } from '../turn/open-relay.ts';
import type { Arrival, Departure } from '../turn/packet.ts';

/** Why a packet that the server wanted sent did not leave. */
export type SendFailure = 'send-failed' | 'send-queue-full' | 'would-fragment';

/** What a plane tells the state machine. */
export interface RelayPlaneEvents {
  /** A socket is open. */
  opened(relayedAddress: RelayedAddress): void;
  /** A socket could not be opened. */
  failed(relayedAddress: RelayedAddress, failure: OpenFailure, why: string): void;
  /** A socket that was open is gone. */
  lost(relayedAddress: RelayedAddress, why: string): void;
  /** A peer sent a packet; `arrival` is the plane's and is refilled for the next one. */
  received(relayedAddress: RelayedAddress, arrival: Arrival): void;
  /** A packet did not leave. */
  undelivered(failure: SendFailure, why: string | undefined): void;
}

/**
 * Moves packets between the state machine and peers: the narrow interface behind which the portable sockets, batched
 * system calls or the kernel do the work. A plane knows nothing of STUN or TURN.
 */
export interface RelayPlane {
  readonly name: string;
  /** Whether a packet can be sent so that it is never fragmented. */
  readonly dontFragment: boolean;
  /** Opens a socket at `relayedAddress.local`; `opened` or `failed` follows. */
  open(relayedAddress: RelayedAddress): void;
  /** Closes a socket, also one that is still being opened. */
  close(relayedAddress: RelayedAddress): void;
  /** Sends a packet to its peer. The bytes are the caller's again when this returns. */
  transmit(departure: Departure): void;
  /** A channel carries data from now on. A plane below the process may forward it by itself. */
  bindChannel(binding: ChannelBinding): void;
  unbindChannel(binding: ChannelBinding): void;
  /** Closes everything. */
  stop(): void;
}
