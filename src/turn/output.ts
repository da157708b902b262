import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { AdmissionCandidate } from './admission.ts';
import type { Allocation, ChannelBinding, EndReason, RelayedAddress } from './allocation.ts';
import type { Listener } from './five-tuple.ts';
import type { PeerConnection } from './peer-connection.ts';
import type { Instant } from './time.ts';

/** What the server wants done or known, apart from the packets of the packet path. */
export type Output =
  /** Send these bytes to a client. */
  | {
      readonly kind: 'transmit';
      readonly listener: Listener;
      readonly client: TransportAddress;
      readonly bytes: Buffer;
    }
  /** Open a UDP socket, or listen on TCP, at `relayedAddress.local`; the server waits for `relayOpened` or `relayFailed`. */
  | { readonly kind: 'open-relay'; readonly relayedAddress: RelayedAddress }
  /** Close the socket of this relayed address. */
  | { readonly kind: 'close-relay'; readonly relayedAddress: RelayedAddress }
  /**
   * From now on a data plane below the process may carry this channel by itself: its client comes over UDP, its permission
   * is in force, its peer may be reached, and there are no rates to keep. Whatever it does not carry is handed in as before.
   *
   * This is judged when the permission is given or renewed. A change of the peer policy or of the daemon's own addresses
   * takes effect then too, or when the permission lapses, five minutes later at most: as it does for packets that are handed in.
   */
  | { readonly kind: 'bind-channel'; readonly binding: ChannelBinding }
  /** It may not any more. The two come in turns, and this one last. */
  | { readonly kind: 'unbind-channel'; readonly binding: ChannelBinding }
  /** Decide about an allocation; the server waits for `admissionDecided`. */
  | { readonly kind: 'ask-admission'; readonly candidate: AdmissionCandidate }
  /** Open a TCP connection from `connection.relayedAddress` to `connection.target`; `peerConnected` or `peerGone` follows. */
  | { readonly kind: 'connect-peer'; readonly connection: PeerConnection }
  /** From now on every byte of this client's connection goes to the peer, and the other way. */
  | { readonly kind: 'join-connection'; readonly connection: PeerConnection; readonly listener: Listener }
  /** Close the connection to the peer, and the client's that it is joined with. */
  | { readonly kind: 'close-connection'; readonly connection: PeerConnection }
  | { readonly kind: 'event'; readonly event: ServerEvent };

/** What logs, accounting and tests want to know. */
export type ServerEvent =
  | { readonly kind: 'allocation-created'; readonly allocation: Allocation; readonly lifetimeSeconds: number }
  | {
      readonly kind: 'allocation-ended';
      readonly allocation: Allocation;
      readonly reason: EndReason;
      readonly at: Instant;
    }
  /** An allocation that was admitted has come to nothing; its client was told of no success. */
  | { readonly kind: 'admission-unused'; readonly id: string }
  /** A request that a well-behaved client would not have sent, or that a limit refused. A first 401 is none of these. */
  | {
      readonly kind: 'request-refused';
      readonly method: number;
      readonly code: number;
      readonly why: string;
      readonly client: TransportAddress;
      readonly username: string | undefined;
      readonly peer: IpAddress | undefined;
    };
