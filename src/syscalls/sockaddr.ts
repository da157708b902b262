import type { MutableTransportAddress } from '../stun/attributes/address.ts';
import { type AddressWords, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { AF_INET, AF_INET6, SOCKADDR_IN_LENGTH, SOCKADDR_IN6_LENGTH, Sockaddr } from './structures.ts';

/** Writes a socket address at `at` and says how long it is. */
export function writeSockaddr(view: DataView, at: number, ip: AddressWords, port: number, scope: number): number {
  view.setUint16(at + Sockaddr.port, port);
  if (ip.family === AddressFamily.ipv4) {
    view.setUint16(at, AF_INET, true);
    view.setInt32(at + Sockaddr.ipv4, ip.w0);
    view.setFloat64(at + 8, 0);
    return SOCKADDR_IN_LENGTH;
  }
  view.setUint16(at, AF_INET6, true);
  view.setUint32(at + 4, 0);
  view.setInt32(at + Sockaddr.ipv6, ip.w0);
  view.setInt32(at + Sockaddr.ipv6 + 4, ip.w1);
  view.setInt32(at + Sockaddr.ipv6 + 8, ip.w2);
  view.setInt32(at + Sockaddr.ipv6 + 12, ip.w3);
  view.setUint32(at + Sockaddr.scope, scope, true);
  return SOCKADDR_IN6_LENGTH;
}

/** Reads a socket address into `into`; false when it is neither IPv4 nor IPv6. */
export function readSockaddrInto(view: DataView, at: number, into: MutableTransportAddress): boolean {
  const family = view.getUint16(at, true);
  if (family === AF_INET) {
    into.ip.set(AddressFamily.ipv4, view.getInt32(at + Sockaddr.ipv4), 0, 0, 0);
  } else if (family === AF_INET6) {
    const ip = at + Sockaddr.ipv6;
    into.ip.set(
      AddressFamily.ipv6,
      view.getInt32(ip),
      view.getInt32(ip + 4),
      view.getInt32(ip + 8),
      view.getInt32(ip + 12),
    );
  } else {
    return false;
  }
  into.port = view.getUint16(at + Sockaddr.port);
  return true;
}

/** Reads a socket address that is known to be one. */
export function readSockaddr(view: DataView, at: number): TransportAddress {
  const port = view.getUint16(at + Sockaddr.port);
  if (view.getUint16(at, true) === AF_INET) {
    return { ip: new IpAddress(AddressFamily.ipv4, view.getInt32(at + Sockaddr.ipv4)), port };
  }
  const ip = at + Sockaddr.ipv6;
  const words = [0, 4, 8, 12].map((offset) => view.getInt32(ip + offset));
  return { ip: new IpAddress(AddressFamily.ipv6, words[0]!, words[1], words[2], words[3]), port };
}
