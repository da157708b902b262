import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { type AddressRange, parseAddressRange, rangeContains } from './address-range.ts';

const ends = (text: string) => {
  const range = parseAddressRange(text);
  return typeof range === 'string' ? range : `${range.low.text} ${range.high.text}`;
};

describe('an address range', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.0 192.0.2.255'],
    ['0.0.0.0/0', '0.0.0.0 255.255.255.255'],
    ['10.1.2.3/32', '10.1.2.3 10.1.2.3'],
    ['128.0.0.0/1', '128.0.0.0 255.255.255.255'],
    ['10.1.2.3', '10.1.2.3 10.1.2.3'],
    [' 10.0.0.1 - 10.0.1.0 ', '10.0.0.1 10.0.1.0'],
    ['127.0.0.1-128.0.0.1', '127.0.0.1 128.0.0.1'],
    ['::/0', ':: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::/33', '2001:db8:: 2001:db8:7fff:ffff:ffff:ffff:ffff:ffff'],
    ['64:ff9b::/96', '64:ff9b:: 64:ff9b::ffff:ffff'],
    ['fe80::/10', 'fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::1-2001:db8::2', '2001:db8::1 2001:db8::2'],
  ])('%s', (text, expected) => {
    expect(ends(text)).toBe(expected);
  });

  it.each([
    ['', 'is not an IP address'],
    ['10.0.0', 'is not an IP address'],
    ['0x7f.1', 'is not an IP address'],
    ['010.0.0.1', 'is not an IP address'],
    ['localhost', 'is not an IP address'],
    ['10.0.0.1-', 'is not an IP address'],
    ['10.0.0.1-10.0.0.2-10.0.0.3', 'is not an IP address'],
    ['10.0.0.9-10.0.0.1', 'ends before it begins'],
    ['10.0.0.1-2001:db8::1', 'begins in one address family'],
    ['10.0.0.0/33', 'prefix length from 0 to 32'],
    ['::/129', 'prefix length from 0 to 128'],
    ['10.0.0.0/', 'prefix length'],
    ['10.0.0.0/-1', 'prefix length'],
    ['10.0.0.0/8/8', 'no IP address before its slash'],
    ['/8', 'no IP address before its slash'],
    ['10.0.0.1/8', 'did you mean 10.0.0.0/8?'],
    ['2001:db8::1/32', 'did you mean 2001:db8::/32?'],
  ])('"%s" is refused with a sentence', (text, sentence) => {
    expect(ends(text)).toContain(sentence);
  });

  it('holds exactly the addresses from its low to its high end', () => {
    const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
    const ip = fc.oneof(
      word.map((w) => new IpAddress(AddressFamily.ipv4, w)),
      fc.tuple(word, word, word, word).map((words) => new IpAddress(AddressFamily.ipv6, ...words)),
    );
    const number = (a: IpAddress) => [a.w0, a.w1, a.w2, a.w3].reduce((sum, w) => (sum << 32n) | BigInt(w >>> 0), 0n);
    fc.assert(
      fc.property(ip, ip, ip, (a, b, c) => {
        fc.pre(a.family === b.family);
        const [low, high] = number(a) <= number(b) ? [a, b] : [b, a];
        const range = parseAddressRange(`${low.text}-${high.text}`) as AddressRange;
        const inside = c.family === a.family && number(c) >= number(low) && number(c) <= number(high);
        expect(rangeContains(range, c)).toBe(inside);
        expect([rangeContains(range, low), rangeContains(range, high)]).toEqual([true, true]);
      }),
    );
  });
});
