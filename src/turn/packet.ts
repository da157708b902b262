import { type MutableTransportAddress, mutableTransportAddress } from '../stun/attributes/address.ts';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { RelayedAddress } from './allocation.ts';
import type { FiveTuple } from './five-tuple.ts';

/** Bytes that must be writable in front of an arrived packet: a Data indication's header with an IPv6 peer address. */
export const HEADROOM = 48;
/** Bytes that must be writable behind it: the padding of a DATA attribute. */
export const TAILROOM = 3;

/**
 * A packet as it arrived: `buffer[start, end)`, with {@link HEADROOM} and {@link TAILROOM} around it.
 * Whoever reads a socket refills one such object per packet.
 */
export class Arrival {
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  readonly source: MutableTransportAddress = mutableTransportAddress();
}

/** What is to become of a packet on the packet path. */
export const Verdict = {
  /** It was consumed, or dropped and counted. */
  nothing: 0,
  /** Send {@link Departure} to the client of its five-tuple. */
  toClient: 1,
  /** Send {@link Departure} to a peer through its relay socket. */
  toPeer: 2,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

const nowhere = new IpAddress(AddressFamily.ipv4, 0);

/** Where the packet goes that was just judged: `buffer[start, end)`. It holds until the next packet is handed in. */
export class Departure {
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Set for {@link Verdict.toClient}. */
  fiveTuple: FiveTuple | undefined;
  /** Set for {@link Verdict.toPeer}: the socket to send from. */
  relayedAddress: RelayedAddress | undefined;
  /** Set for {@link Verdict.toPeer}. */
  peer: IpAddress = nowhere;
  port = 0;
  /** The packet must not be fragmented (RFC 8656 §11.2). */
  dontFragment = false;

  /** Address and port as one object, for tests and logs. */
  get peerAddress(): TransportAddress {
    return { ip: this.peer, port: this.port };
  }
}
