import { formatTransportAddress, type IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { networkOf } from '../turn/address-range.ts';

/** How much of an address of a client or peer is written down. */
export type AddressDetail = 'full' | 'truncated' | 'hidden';

/**
 * Writes an address of a client or peer for a log: whole; without the part that tells one household from the next
 * (the last octet of IPv4, all but the /48 of IPv6, and the port); or not at all.
 */
export function displayAddress(address: TransportAddress, detail: AddressDetail): string {
  return detail === 'full' ? formatTransportAddress(address) : displayHost(address.ip, detail);
}

/** The same for an address without a port. */
export function displayHost(ip: IpAddress, detail: AddressDetail): string {
  if (detail === 'full') return ip.text;
  if (detail === 'hidden') return 'hidden';
  const prefixLength = ip.family === AddressFamily.ipv4 ? 24 : 48;
  return `${networkOf(ip, prefixLength).text}/${prefixLength}`;
}
