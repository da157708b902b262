import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTransportAddress, IpAddress } from '../stun/ip-address.ts';
import { looksLikeProxyHeader, parseProxyHeader } from './proxy-protocol.ts';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function version2(command: number, kind: number, body: Uint8Array, length = body.length): Buffer {
  const fixed = Buffer.from([0x20 | command, kind, length >>> 8, length & 0xff]);
  return Buffer.concat([signature, fixed, body]);
}

/** What a header says, in one word. */
function read(bytes: Buffer | string): string {
  const header = parseProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  if (header.kind !== 'complete') return header.kind;
  const who = header.client === undefined ? 'the socket itself' : formatTransportAddress(header.client);
  return `${who}, ${header.length} bytes`;
}

const port = fc.nat({ max: 65_535 });
const addresses = fc.oneof(
  fc.tuple(fc.constant(4), fc.ipV4(), fc.ipV4()),
  fc.tuple(fc.constant(6), fc.ipV6(), fc.ipV6()),
);
const tlvs = fc.uint8Array({ maxLength: 200 });

/** Both spellings of the same header, and who the client is. */
const headers = fc.tuple(addresses, port, port, tlvs).map(([[family, source, destination], from, to, tlv]) => {
  const [client, server] = [IpAddress.parse(source)!, IpAddress.parse(destination)!];
  const words = (ip: IpAddress) => (family === 4 ? [ip.w0] : [ip.w0, ip.w1, ip.w2, ip.w3]);
  const body = Buffer.alloc(family === 4 ? 12 : 36);
  [...words(client), ...words(server)].forEach((word, i) => void body.writeInt32BE(word, 4 * i));
  body.writeUInt16BE(from, body.length - 4);
  body.writeUInt16BE(to, body.length - 2);
  const line = `PROXY TCP${family} ${source} ${destination} ${from} ${to}\r\n`;
  return {
    one: Buffer.from(line),
    two: version2(1, family === 4 ? 0x11 : 0x21, Buffer.concat([body, tlv])),
    client: { ip: client, port: from },
  };
});

describe('a PROXY header', () => {
  it('of either version names the client, and what follows it is left alone', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 40 }), ({ one, two, client }, rest) => {
        // fast-check writes some IPv6 addresses longer than any line may be.
        for (const header of one.length <= 107 ? [one, two] : [two]) {
          const parsed = parseProxyHeader(Buffer.concat([header, rest]));
          expect(parsed).toMatchObject({ kind: 'complete', length: header.length });
          if (!client.ip.text.startsWith('::ffff:')) {
            expect(read(header)).toBe(`${formatTransportAddress(client)}, ${header.length} bytes`);
          }
        }
      }),
    );
  });

  it('that is cut anywhere is incomplete, never something else', () => {
    fc.assert(
      fc.property(headers, fc.nat(), ({ one, two }, cut) => {
        for (const header of one.length <= 107 ? [one, two] : [two]) {
          const part = header.subarray(0, cut % header.length);
          expect(parseProxyHeader(part)).toEqual({ kind: 'incomplete' });
          expect(looksLikeProxyHeader(part)).toBe(part.length > 0);
        }
      }),
    );
  });

  it('is read from any bytes without throwing', () => {
    const beginnings = fc.constantFrom(signature, Buffer.from('PROXY '), Buffer.from('PROXY TCP4 '), Buffer.alloc(0));
    fc.assert(
      fc.property(beginnings, fc.uint8Array({ maxLength: 200 }), (beginning, rest) => {
        expect(() => parseProxyHeader(Buffer.concat([beginning, rest]))).not.toThrow();
      }),
    );
  });

  it.each([
    ['PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nrest', '192.0.2.1:56324, 45 bytes'],
    ['PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n', '[2001:db8::1]:1, 42 bytes'],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 5 6\r\n', '192.0.2.1:5, 50 bytes'],
    ['PROXY UNKNOWN\r\n', 'the socket itself, 15 bytes'],
    ['PROXY UNKNOWN ffff:f...f:ffff whatever 65535 65535\r\n', 'the socket itself, 52 bytes'],
    ['PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 5\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 198.51.100.1 056 443\r\n', 'malformed'],
    ['PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n', 'malformed'],
    ['PROXY TCP4 0x7f.1 198.51.100.1 1 443\r\n', 'malformed'],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 443\r\n', 'malformed'],
    ['PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n', 'malformed'],
    ['proxy TCP4 192.0.2.1 198.51.100.1 1 443\r\n', 'malformed'],
    [`PROXY TCP4 ${'1'.repeat(96)}`, 'malformed'],
    ['GET / HTTP/1.1\r\n', 'malformed'],
  ])('of version 1: %j is %s', (line, expected) => {
    expect(read(line)).toBe(expected);
  });

  const ipv4 = Buffer.from('c0000201c6336401dc0401bb', 'hex');
  const mapped = Buffer.from(`${'00'.repeat(10)}ffffc0000201${'00'.repeat(15)}0100050006`, 'hex');
  it.each([
    ['PROXY over IPv4', version2(1, 0x11, ipv4), '192.0.2.1:56324, 28 bytes'],
    [
      'with TLVs',
      version2(1, 0x11, Buffer.concat([ipv4, Buffer.from('0400020000', 'hex')])),
      '192.0.2.1:56324, 33 bytes',
    ],
    ['an IPv4-mapped address', version2(1, 0x21, mapped), '192.0.2.1:5, 52 bytes'],
    ['LOCAL', version2(0, 0x00, Buffer.alloc(0)), 'the socket itself, 16 bytes'],
    ['LOCAL with addresses', version2(0, 0x11, ipv4), 'the socket itself, 28 bytes'],
    ['UNSPEC', version2(1, 0x00, Buffer.alloc(0)), 'the socket itself, 16 bytes'],
    ['a Unix socket', version2(1, 0x31, Buffer.alloc(216)), 'the socket itself, 232 bytes'],
    ['UDP', version2(1, 0x12, ipv4), 'the socket itself, 28 bytes'],
    ['an unknown command', version2(2, 0x11, ipv4), 'malformed'],
    ['an unknown kind of address', version2(1, 0x41, ipv4), 'malformed'],
    ['addresses that are cut off', version2(1, 0x21, ipv4), 'malformed'],
    ['a length of 64 KB', version2(1, 0x11, ipv4, 0xffff), 'malformed'],
    ['version 1 in binary', Buffer.concat([signature, Buffer.from([0x11, 0x11, 0, 12]), ipv4]), 'malformed'],
  ])('of version 2: %s', (_what, bytes, expected) => {
    expect(read(bytes)).toBe(expected);
  });
});
