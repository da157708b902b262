import type { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { type AddressRange, networkOf, parseAddressRange } from '../../turn/address-range.ts';

/**
 * Writes a range of coturn's (`a` or `a-b`) as a rule of ours that covers exactly the same addresses: as a prefix where it
 * is one, else as the range that it is.
 *
 * @returns `undefined` when it is no range.
 */
export function peerRule(text: string): string | undefined {
  if (/[/%]/.test(text)) return undefined;
  const range = parseAddressRange(text);
  if (typeof range === 'string') return undefined;
  const { low, high } = range;
  const length = prefixLength(range);
  if (length === undefined) return `${low.text}-${high.text}`;
  return length === bitsOf(low) ? low.text : `${low.text}/${length}`;
}

/** The length of the prefix that is exactly this range; `undefined` when there is none. */
function prefixLength({ low, high }: AddressRange): number | undefined {
  const a = words(low);
  const b = words(high);
  const first = a.findIndex((word, i) => word !== b[i]);
  const length = first < 0 ? bitsOf(low) : first * 32 + Math.clz32(a[first]! ^ b[first]!);
  const startsThere = networkOf(low, length).text === low.text;
  // Behind the prefix all bits are 0 in the first address and 1 in the last one.
  const endsThere = b.every((word, i) => (word & hostMask(length, i)) === hostMask(length, i));
  return startsThere && endsThere ? length : undefined;
}

/** The bits of one word that are behind the prefix. */
function hostMask(length: number, word: number): number {
  const kept = Math.min(32, Math.max(0, length - word * 32));
  return kept === 32 ? 0 : (0xffffffff >>> kept) | 0;
}

function words({ family, w0, w1, w2, w3 }: IpAddress): readonly number[] {
  return family === AddressFamily.ipv4 ? [w0] : [w0, w1, w2, w3];
}

function bitsOf({ family }: IpAddress): number {
  return family === AddressFamily.ipv4 ? 32 : 128;
}
