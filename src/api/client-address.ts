import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { IpAddress, isIpv4Mapped } from '../stun/ip-address.ts';
import { parseAddressRange, rangeContains } from '../turn/address-range.ts';

/** Where a request comes from. What a proxy has forwarded counts only where it is an address at all. */
export function clientAddress({ ip, socket }: FastifyRequest): string {
  return unmapped(isIP(ip) ? ip : (socket.remoteAddress ?? ''));
}

/**
 * Says which proxies are believed.
 *
 * @param proxies addresses, CIDR blocks and ranges
 * @throws when one of them is none of these
 */
export function trustedProxy(proxies: readonly string[]): (address: string) => boolean {
  const ranges = proxies.map((text) => {
    const range = parseAddressRange(text);
    if (typeof range === 'string') throw new Error(range);
    return range;
  });
  return (address) => {
    const ip = isIP(address) ? IpAddress.parse(unmapped(address)) : undefined;
    return ip !== undefined && ranges.some((range) => rangeContains(range, ip));
  };
}

/** A socket for both families shows IPv4 clients as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  const ip = address.includes(':') ? IpAddress.parse(address) : undefined;
  return ip !== undefined && isIpv4Mapped(ip) ? ip.text.slice('::ffff:'.length) : address;
}
