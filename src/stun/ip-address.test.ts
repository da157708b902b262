import { isIP, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTransportAddress, IpAddress, isIpv4Mapped, MutableAddress, sameAddress } from './ip-address.ts';
import { AddressFamily } from './protocol.ts';

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
/** Words with many zero groups, since they are what the shortening of IPv6 text is about. */
const sparseWord = fc.oneof(word, fc.constantFrom(0, 1, 0x10000, 0xffff, -65536));
const ipv4 = word.map((w) => new IpAddress(AddressFamily.ipv4, w));
const ipv6 = fc
  .tuple(sparseWord, sparseWord, sparseWord, sparseWord)
  .map(([a, b, c, d]) => new IpAddress(AddressFamily.ipv6, a, b, c, d));

/** What the platform takes for the canonical text of an IPv6 address. */
function platformText(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

describe('IpAddress', () => {
  it('reads back every address that it prints', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (address) => {
        const parsed = IpAddress.parse(address.text);
        expect(parsed && sameAddress(parsed, address)).toBe(true);
        expect(isIP(address.text)).toBe(address.family === AddressFamily.ipv4 ? 4 : 6);
      }),
    );
  });

  it('takes for an address exactly what node:net takes for one', () => {
    const almost = fc.string({
      unit: fc.constantFrom('0', '1', '9', 'f', 'F', 'x', ':', '::', '.', ' ', '%'),
      maxLength: 24,
    });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), almost, fc.string()), (text) => {
        expect(IpAddress.parse(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives every IPv6 spelling the meaning the platform gives it', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = IpAddress.parse(text)!;
        expect(platformText(address.text)).toBe(platformText(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('prints IPv6 as RFC 5952 has it', () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        // URLs print v4-mapped addresses in hex; RFC 5952 §5 wants the dotted form, which is checked below.
        fc.pre(!isIpv4Mapped(address));
        expect(address.text).toBe(platformText(address.text));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['2001:db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::FFFF:c000:0201', '::ffff:192.0.2.1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['::1.2.3.4', '::102:304'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::%eth0', 'fe80::'],
    ['::ffff:192.0.2.1%1', '::ffff:192.0.2.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
  ])('reads %s as %s', (text, canonical) => {
    expect(IpAddress.parse(text)?.text).toBe(canonical);
  });

  it.each([
    '0x7f.1',
    '127.1',
    '0177.0.0.1',
    '2130706433',
    '1.2.3.256',
    '1.2.3.4.',
    ' 1.2.3.4',
    '[::1]',
    '1::2::3',
    '::1%',
    'localhost',
    '',
  ])('refuses %j', (text) => {
    expect(IpAddress.parse(text)).toBeUndefined();
    expect(isIP(text)).toBe(0);
  });

  it('knows IPv4-mapped addresses, and only those', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const mapped = IpAddress.parse(`::ffff:${address.text}`)!;
        expect(isIpv4Mapped(mapped)).toBe(true);
        expect(mapped.w3).toBe(address.w0);
        expect(mapped.text).toBe(`::ffff:${address.text}`);
        expect(isIpv4Mapped(address)).toBe(false);
        expect(isIpv4Mapped(IpAddress.parse(`::${address.text}`)!)).toBe(false);
      }),
    );
  });

  it('compares by family and words', () => {
    const zero4 = IpAddress.parse('0.0.0.0')!;
    const zero6 = IpAddress.parse('::')!;
    expect(sameAddress(zero4, zero6)).toBe(false);
    expect(sameAddress(zero6, IpAddress.parse('0:0::0')!)).toBe(true);
  });
});

describe('MutableAddress', () => {
  it('keeps what it had when the text is no address', () => {
    const address = new MutableAddress();
    expect(address.setText('192.0.2.7')).toBe(true);
    expect(address.setText('no address')).toBe(false);
    expect(address.toIpAddress().text).toBe('192.0.2.7');
  });

  it('leaves no word of a former IPv6 address in an IPv4 one', () => {
    fc.assert(
      fc.property(ipv6, ipv4, (first, second) => {
        const address = new MutableAddress();
        address.copy(first);
        address.setText(second.text);
        expect(sameAddress(address, second)).toBe(true);
        expect(isIPv6(IpAddress.from(address).text)).toBe(false);
      }),
    );
  });
});

it('prints transport addresses with brackets around IPv6', () => {
  expect(formatTransportAddress({ ip: IpAddress.parse('192.0.2.1')!, port: 3478 })).toBe('192.0.2.1:3478');
  expect(formatTransportAddress({ ip: IpAddress.parse('2001:db8::1')!, port: 3478 })).toBe('[2001:db8::1]:3478');
});
