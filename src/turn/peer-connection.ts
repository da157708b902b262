import type { TransportAddress } from '../stun/ip-address.ts';
import type { Allocation, RelayedAddress } from './allocation.ts';
import { Deadline } from './deadline-queue.ts';

/** How long a peer connection may take to be made, and then to be bound by the client (RFC 6062 §5.2, §5.3). */
export const CONNECTION_TIMEOUT_MS = 30_000;
/** Connections of one allocation that are not bound yet; one more gets 508. */
export const PENDING_CONNECTIONS = 16;
/** Connections of one allocation in all. */
export const CONNECTIONS_PER_ALLOCATION = 256;

/** A TCP connection between a relayed address and a peer (RFC 6062 §3). */
export class PeerConnection {
  /** CONNECTION-ID. */
  readonly id: number;
  readonly allocation: Allocation;
  readonly relayedAddress: RelayedAddress;
  /** The peer as the client knows it. */
  readonly peer: TransportAddress;
  /** Where the connection really leads: another relayed address of this server is reached at its local address. */
  readonly target: TransportAddress;
  readonly deadline: Deadline<'peer-connection', PeerConnection> = new Deadline('peer-connection', this);
  /** `connecting` until the peer has answered, `waiting` for the client's ConnectionBind, then `bound`. */
  state: 'connecting' | 'waiting' | 'bound' | 'closed' = 'connecting';

  constructor(
    id: number,
    allocation: Allocation,
    relayedAddress: RelayedAddress,
    peer: TransportAddress,
    target: TransportAddress,
  ) {
    this.id = id;
    this.allocation = allocation;
    this.relayedAddress = relayedAddress;
    this.peer = peer;
    this.target = target;
  }
}
