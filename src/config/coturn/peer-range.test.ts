import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { type AddressRange, parseAddressRange } from '../../turn/address-range.ts';
import { peerRule } from './peer-range.ts';

function toNumber({ family, w0, w1, w2, w3 }: IpAddress): bigint {
  const words = family === AddressFamily.ipv4 ? [w0] : [w0, w1, w2, w3];
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

function toAddress(family: AddressFamily, value: bigint): IpAddress {
  const word = (shift: bigint) => Number((value >> shift) & 0xffffffffn);
  if (family === AddressFamily.ipv4) return new IpAddress(family, word(0n));
  return new IpAddress(family, word(96n), word(64n), word(32n), word(0n));
}

describe('a range of peers', () => {
  it.each([
    ['10.0.0.0-10.255.255.255', '10.0.0.0/8'],
    ['172.16.0.0-172.31.255.255', '172.16.0.0/12'],
    ['240.0.0.0-255.255.255.255', '240.0.0.0/4'],
    ['0.0.0.0-255.255.255.255', '0.0.0.0/0'],
    ['83.166.68.45', '83.166.68.45'],
    ['83.166.68.45-83.166.68.45', '83.166.68.45'],
    ['83.166.64.0-83.166.95.254', '83.166.64.0-83.166.95.254'],
    ['83.166.64.1-83.166.95.255', '83.166.64.1-83.166.95.255'],
    ['10.0.0.0-10.2.255.255', '10.0.0.0-10.2.255.255'],
    ['::1', '::1'],
    ['fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe80::/10'],
    ['fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fc00::/7'],
    ['64:ff9b::-64:ff9b::ffff:ffff', '64:ff9b::/96'],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::/0'],
    ['2001:db8::-2001:db8::2', '2001:db8::-2001:db8::2'],
    ['2001:db8::1-2001:db8:0:1::', '2001:db8::1-2001:db8:0:1::'],
  ])('%s becomes %s', (range, rule) => {
    expect(peerRule(range)).toBe(rule);
  });

  it.each([
    '',
    '10.0.0.0/8',
    '10.0.0.9-10.0.0.1',
    '10.0.0.1-::1',
    '10.0.0.1-10.0.0.2-10.0.0.3',
    '10.0.0',
    'example.org',
    'fe80::1%eth0',
  ])('%j is none', (range) => {
    expect(peerRule(range)).toBeUndefined();
  });

  it('covers the same addresses, whatever its ends are', () => {
    const family = fc.constantFrom(AddressFamily.ipv4, AddressFamily.ipv6);
    // Ends that are whole prefixes are rare among random ones.
    const shape = fc.record({
      family,
      a: fc.bigInt(0n, 2n ** 128n - 1n),
      b: fc.bigInt(0n, 2n ** 128n - 1n),
      bits: fc.nat(128),
      exact: fc.boolean(),
    });
    fc.assert(
      fc.property(shape, ({ family, a, b, bits, exact }) => {
        const width = family === AddressFamily.ipv4 ? 32n : 128n;
        const all = 2n ** width - 1n;
        const host = 2n ** (BigInt(bits) % (width + 1n)) - 1n;
        const [one, other] = exact ? [a & all & ~host, (a & all) | host] : [a & all, b & all];
        const [low, high] = one < other ? [one, other] : [other, one];
        const rule = peerRule(`${toAddress(family, low).text}-${toAddress(family, high).text}`)!;
        const range = parseAddressRange(rule) as AddressRange;
        expect([range.low.family, toNumber(range.low), toNumber(range.high)]).toEqual([family, low, high]);
        if (exact) expect(rule).not.toContain('-');
      }),
    );
  });
});
