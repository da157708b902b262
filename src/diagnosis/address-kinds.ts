import { type IpAddress, isIpv4Mapped, isLoopback } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** 100.64.0.0/10, between customers and the NAT of a carrier (RFC 6598). Some VPNs use it too. */
export function isShared({ family, w0 }: IpAddress): boolean {
  return family === AddressFamily.ipv4 && w0 >>> 22 === 0x6440_0000 >>> 22;
}

/** 192.0.0.0/29, of hosts and routers that reach IPv4 over IPv6: DS-Lite and 464XLAT (RFC 6333 §5.7, RFC 7335). */
export function isIpv4OverIpv6({ family, w0 }: IpAddress): boolean {
  return family === AddressFamily.ipv4 && w0 >>> 3 === 0xc000_0000 >>> 3;
}

/** Addresses that everybody may use for a network of their own (RFC 1918). */
export function isPrivate({ family, w0 }: IpAddress): boolean {
  if (family !== AddressFamily.ipv4) return false;
  const [first, second] = [w0 >>> 24, (w0 >>> 16) & 0xff];
  return first === 10 || (first === 172 && second >> 4 === 1) || (first === 192 && second === 168);
}

/** 169.254.0.0/16 and fe80::/10, which lead no further than the next router. */
export function isLinkLocal({ family, w0 }: IpAddress): boolean {
  if (family === AddressFamily.ipv4) return w0 >>> 16 === 0xa9fe;
  return w0 >>> 22 === 0xfe80_0000 >>> 22;
}

/** Whether one host in the internet may have the address: none that is unspecified, multicast, or for local use. */
export function isUnicast(ip: IpAddress): boolean {
  if (isLoopback(ip) || isLinkLocal(ip) || isIpv4Mapped(ip)) return false;
  const first = ip.w0 >>> 24;
  return ip.family === AddressFamily.ipv4 ? first > 0 && first < 224 : first !== 0xff && ip.w0 !== 0;
}
