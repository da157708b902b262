import type { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** Addresses that every home may use for itself (RFC 1918). */
export function isPrivate({ family, w0 }: IpAddress): boolean {
  if (family !== AddressFamily.ipv4) return false;
  const [first, second] = [w0 >>> 24, (w0 >>> 16) & 0xff];
  return first === 10 || (first === 172 && second >> 4 === 1) || (first === 192 && second === 168);
}

/** Those that carriers use behind their NATs: 100.64.0.0/10 (RFC 6598). */
export function isOfCarrier({ family, w0 }: IpAddress): boolean {
  return family === AddressFamily.ipv4 && w0 >>> 22 === 0x6440_0000 >>> 22;
}
