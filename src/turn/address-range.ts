import { type AddressWords, IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** The addresses from `low` to `high`, both included, of one family. */
export interface AddressRange {
  readonly low: IpAddress;
  readonly high: IpAddress;
  /** As it was written, for reports. */
  readonly text: string;
}

/**
 * Reads `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.1-192.0.2.9` or a single address.
 *
 * @returns the range, or a sentence that says what is wrong with the text.
 */
export function parseAddressRange(text: string): AddressRange | string {
  const trimmed = text.trim();
  if (trimmed.includes('/')) return parseCidr(trimmed);
  const [first = '', last = first, ...rest] = trimmed.split('-').map((part) => part.trim());
  const low = IpAddress.parse(first);
  const high = IpAddress.parse(last);
  if (low === undefined || high === undefined || rest.length > 0) {
    return `"${text}" is not an IP address, a CIDR block such as 10.0.0.0/8 or a range such as 10.0.0.1-10.0.0.9`;
  }
  if (low.family !== high.family) return `"${text}" begins in one address family and ends in the other`;
  if (compareAddresses(low, high) > 0) return `"${text}" ends before it begins`;
  return { low, high, text: trimmed };
}

/** Whether the address lies in the range. */
export function rangeContains(range: AddressRange, address: AddressWords): boolean {
  return (
    address.family === range.low.family &&
    compareAddresses(address, range.low) >= 0 &&
    compareAddresses(address, range.high) <= 0
  );
}

function parseCidr(text: string): AddressRange | string {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const ip = IpAddress.parse(address);
  if (ip === undefined || rest.length > 0) return `"${text}" has no IP address before its slash`;
  const bits = ip.family === AddressFamily.ipv4 ? 32 : 128;
  const length = Number(prefix);
  if (!/^\d{1,3}$/.test(prefix) || length > bits) return `"${text}" needs a prefix length from 0 to ${bits}`;
  const low = networkOf(ip, length);
  if (compareAddresses(low, ip) !== 0) {
    return `"${text}" has bits set behind its prefix; did you mean ${low.text}/${length}?`;
  }
  return { low, high: withHostBits(ip, length, true), text };
}

/** The first address of the network that has this prefix length. */
export function networkOf(ip: IpAddress, prefixLength: number): IpAddress {
  return withHostBits(ip, prefixLength, false);
}

/** The address with all bits behind the prefix set, or cleared. */
function withHostBits(ip: IpAddress, prefixLength: number, set: boolean): IpAddress {
  const words = [ip.w0, ip.w1, ip.w2, ip.w3].map((word, i) => {
    if (ip.family === AddressFamily.ipv4 && i > 0) return 0;
    const kept = Math.min(32, Math.max(0, prefixLength - i * 32));
    const mask = kept === 32 ? 0 : 0xffffffff >>> kept;
    return set ? word | mask : word & ~mask;
  });
  return new IpAddress(ip.family, words[0]!, words[1], words[2], words[3]);
}

function compareAddresses(a: AddressWords, b: AddressWords): number {
  return (
    (a.w0 >>> 0) - (b.w0 >>> 0) ||
    (a.w1 >>> 0) - (b.w1 >>> 0) ||
    (a.w2 >>> 0) - (b.w2 >>> 0) ||
    (a.w3 >>> 0) - (b.w3 >>> 0)
  );
}
