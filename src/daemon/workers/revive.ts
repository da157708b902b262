import { IpAddress } from '../../stun/ip-address.ts';
import type { AddressFamily } from '../../stun/protocol.ts';

/** A message between threads arrives as plain objects; this makes its IP addresses what they were. */
export function revive<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(revive) as T;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const { family, w0, w1, w2, w3 } = value as Record<string, number>;
  if (w0 !== undefined && w3 !== undefined) return new IpAddress(family as AddressFamily, w0, w1, w2, w3) as T;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, revive(part)])) as T;
}
