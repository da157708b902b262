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
  /** TTL or Hop Limit that the packet still had; -1 when that is not known. */
  ttl = -1;
  /** The whole TOS or Traffic Class byte, DSCP and ECN; 0 when that is not known. */
  trafficClass = 0;
}

/**
 * An ICMP error about a packet that a relay socket sent (RFC 8656 §11.5). Whoever reads a socket refills one such object
 * per error.
 */
export class IcmpArrival {
  /** Where the packet was going that caused the error: what is written in its header, not who sent the error. */
  readonly peer: MutableTransportAddress = mutableTransportAddress();
  /** ICMP type, or ICMPv6 type where the peer's address is IPv6. */
  type = 0;
  code = 0;
  /** The MTU of the next hop in bytes, in an error that carries one; else 0. */
  data = 0;
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
  /**
   * True: the packet leaves with the DF bit set and in one piece, or it does not leave, which is a `would-fragment`.
   * False: the DF bit is 0 where the system lets a plane choose, and a packet that is too large leaves in fragments
   * (RFC 8656 §14). Set for {@link Verdict.toPeer}.
   */
  dontFragment = false;
  /** TTL or Hop Limit to send with; -1 stands for the system's default. */
  ttl = -1;
  /** The whole TOS or Traffic Class byte to send with. */
  trafficClass = 0;

  /** Address and port as one object, for tests and logs. */
  get peerAddress(): TransportAddress {
    return { ip: this.peer, port: this.port };
  }
}
