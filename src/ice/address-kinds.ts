import { isPrivate } from '../nat/private-address.ts';
import { type IpAddress, isIpv4Mapped, isLoopback } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** fc00::/7 and RFC 1918: addresses that every network may use for itself. */
export function isOfOneNetwork(ip: IpAddress): boolean {
  return isPrivate(ip) || (ip.family === AddressFamily.ipv6 && ip.w0 >>> 25 === 0xfc00_0000 >>> 25);
}

/**
 * Whether an address of an interface makes a host candidate (RFC 8445 §5.1.1.1): not one of IPv6 that is link-local, which needs a
 * zone that peers do not know and which browsers leave out too, nor a site-local or IPv4-compatible or -mapped one.
 */
export function makesCandidate(ip: IpAddress): boolean {
  const { family, w0, w1, w2 } = ip;
  if (family === AddressFamily.ipv4) return w0 !== 0;
  const isLocal = w0 >>> 22 === 0xfe80_0000 >>> 22 || w0 >>> 22 === 0xfec0_0000 >>> 22;
  const isCompatible = w0 === 0 && w1 === 0 && w2 === 0 && !isLoopback(ip);
  return !isLocal && !isCompatible && !isIpv4Mapped(ip);
}
