import type { ChannelBinding, RelayedAddress } from '../turn/allocation.ts';
import type { PlaneCount, Traffic } from '../turn/counters.ts';
import type { OpenFailure } from '../turn/open-relay.ts';
import type { Arrival, Departure, IcmpArrival } from '../turn/packet.ts';
import type { Instant } from '../turn/time.ts';

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
  /**
   * A peer sent a packet that the plane has not forwarded by itself: every one of them comes here, whatever is bound.
   * `arrival` is the plane's and is refilled for the next one.
   */
  received(relayedAddress: RelayedAddress, arrival: Arrival): void;
  /**
   * A packet that this socket sent came to nothing, as a host or router says by ICMP. The socket stays open. Planes that
   * do not hear of it never call this. `error` is the plane's and is refilled for the next one.
   */
  icmp(relayedAddress: RelayedAddress, error: IcmpArrival): void;
  /** A packet did not leave. */
  undelivered(failure: SendFailure, why: string | undefined): void;
  /**
   * Many packets are about to be handed up together, or have been. In between, one reading of the clock does for all of
   * them. Planes that hand up packets one by one never call this.
   */
  turning(is: boolean): void;
}

/** Opens a plane that reports to these events. */
export type OpenPlane = (events: RelayPlaneEvents) => RelayPlane;

/**
 * What a plane has done since it started: plain numbers that only grow, refilled in place.
 *
 * - `received`: packets from peers that were handed to {@link RelayPlaneEvents.received}.
 * - `sent`: packets that left.
 * - `forwarded`: packets that the plane carried by itself, both ways together; they are in neither of the above.
 * - `icmpErrors`: errors that were handed to {@link RelayPlaneEvents.icmp}.
 * - `receiveCalls`, `sendCalls`: system calls, each for a whole batch where the plane has batches; 0 where they are hidden.
 * - `overflows`: packets that the kernel dropped because they came faster than they were read, as far as the plane has asked.
 */
export type PlaneCounters = Readonly<Record<PlaneCount, number>>;

/** What a plane carried by itself over one channel since it was last asked; payload bytes, without headers. */
export interface ForwardedTraffic {
  readonly fromClient: Readonly<Traffic>;
  readonly toClient: Readonly<Traffic>;
  /** When it last carried a packet over this channel. */
  readonly lastAt: Instant;
}

/**
 * Moves packets between the state machine and peers: the narrow interface behind which the portable sockets, batched
 * system calls or the kernel do the work. A plane knows nothing of STUN or TURN, and nothing in it ever throws because of
 * what the network does.
 *
 * Packets cross it both ways: `transmit` takes one down, `received` brings one up. A plane below the process may also
 * carry the packets of bound channels by itself; whatever it does not carry comes up, so that forwarding is never more
 * than a short cut: a plane that forwards nothing is correct.
 */
export interface RelayPlane {
  readonly name: string;
  /** Whether a packet can be sent so that it is never fragmented. */
  readonly dontFragment: boolean;
  readonly counters: PlaneCounters;
  /** Opens a socket at `relayedAddress.local`; `opened` or `failed` follows, never before this returns. */
  open(relayedAddress: RelayedAddress): void;
  /** Closes a socket, also one that is still being opened. Nothing is told of it from now on. */
  close(relayedAddress: RelayedAddress): void;
  /** Sends a packet to its peer. The bytes are the caller's again when this returns. */
  transmit(departure: Departure): void;
  /**
   * A channel carries data from now on, both ways and unconditionally: its permission is in force, its peer may be reached,
   * and no rate limits it. A plane below the process may forward its packets; it does so with the header fields of
   * RFC 8656 §14. A channel for which that does not hold is never bound here, or unbound when it ceases to hold.
   */
  bindChannel(binding: ChannelBinding): void;
  /**
   * From now on every packet of this channel comes up again. Each `bindChannel` is followed by exactly one of these before
   * the socket is closed.
   *
   * @returns what {@link forwarded} would have said, for the last time.
   */
  unbindChannel(binding: ChannelBinding): ForwardedTraffic | undefined;
  /** What the plane carried by itself over a bound channel since it was last asked; `undefined` for nothing. */
  forwarded(binding: ChannelBinding): ForwardedTraffic | undefined;
  /** Closes everything. */
  stop(): void;
}
