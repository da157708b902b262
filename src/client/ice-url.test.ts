import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIceUrl, type IceUrl, parseIceUrl } from './ice-url.ts';

function parsed(text: string): IceUrl {
  const result = parseIceUrl(text);
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
}

describe('parseIceUrl', () => {
  it.each<[string, IceUrl]>([
    ['stun:example.org', { scheme: 'stun', host: 'example.org', port: 3478, transport: 'udp' }],
    ['stuns:example.org', { scheme: 'stuns', host: 'example.org', port: 5349, transport: 'tcp' }],
    ['stun:example.org:8000', { scheme: 'stun', host: 'example.org', port: 8000, transport: 'udp' }],
    ['turn:example.org', { scheme: 'turn', host: 'example.org', port: 3478, transport: 'udp' }],
    ['turns:example.org', { scheme: 'turns', host: 'example.org', port: 5349, transport: 'tcp' }],
    ['turn:example.org:8000?transport=udp', { scheme: 'turn', host: 'example.org', port: 8000, transport: 'udp' }],
    ['turn:example.org?transport=tcp', { scheme: 'turn', host: 'example.org', port: 3478, transport: 'tcp' }],
    ['turns:example.org?transport=udp', { scheme: 'turns', host: 'example.org', port: 5349, transport: 'udp' }],
    ['TURN:example.org?Transport=TCP', { scheme: 'turn', host: 'example.org', port: 3478, transport: 'tcp' }],
    ['turn:192.0.2.1:3478', { scheme: 'turn', host: '192.0.2.1', port: 3478, transport: 'udp' }],
    ['turn:[2001:db8::1]', { scheme: 'turn', host: '2001:db8::1', port: 3478, transport: 'udp' }],
    ['turn:[2001:db8::1]:80?transport=udp', { scheme: 'turn', host: '2001:db8::1', port: 80, transport: 'udp' }],
    ['turn:localhost', { scheme: 'turn', host: 'localhost', port: 3478, transport: 'udp' }],
  ])('reads %s', (text, url) => {
    expect(parsed(text)).toMatchObject(url);
  });

  it('tells what was said from what was left out', () => {
    expect(parsed('turn:example.org')).toMatchObject({ impliedPort: true, impliedTransport: true });
    expect(parsed('stun:example.org')).toMatchObject({ impliedPort: true, impliedTransport: true });
    expect(parsed('turn:[2001:db8::1]')).toMatchObject({ impliedPort: true, impliedTransport: true });
    for (const text of ['turn:example.org:3478?transport=udp', 'turn:[2001:db8::1]:3478?transport=udp']) {
      expect(parsed(text)).not.toHaveProperty('impliedPort');
      expect(parsed(text)).not.toHaveProperty('impliedTransport');
    }
    expect(parsed('turn:example.org:3478')).not.toHaveProperty('impliedPort');
    expect(parsed('turn:example.org:3478')).toHaveProperty('impliedTransport');
  });

  it.each([
    ['example.org', 'must start with'],
    ['', 'must start with'],
    ['http:example.org', 'must start with'],
    ['turn://example.org:3478', 'no slashes in these URIs: write turn:example.org:3478'],
    ['turn:', 'names no host'],
    ['turn::3478', 'names no host'],
    ['turn:user:secret@example.org', 'do not belong in the URI'],
    ['turn:2001:db8::1', 'brackets: [2001:db8::1]'],
    ['turn:[192.0.2.1]', 'no IPv6 address'],
    ['turn:[::1', 'no IPv6 address'],
    ['turn:[::1]x', 'no IPv6 address'],
    ['turn:a:1:2', 'more than one port'],
    ['turn:a:0', 'from 1 to 65535, not "0"'],
    ['turn:a:65536', 'from 1 to 65535'],
    ['turn:a:', 'from 1 to 65535'],
    ['turn:a:http', 'not "http"'],
    ['turn:192.0.2', 'no host name and no IP address'],
    ['turn:0x7f.1', 'no host name'],
    ['turn:a b', 'no host name'],
    ['turn:a/path', 'no host name'],
    ['stun:a?transport=udp', 'takes nothing after a question mark'],
    ['turn:a?transport=sctp', 'udp or tcp, not "sctp"'],
    ['turn:a?x=1', 'only transport=udp'],
  ])('refuses %s and says why', (text, reason) => {
    const result = parseIceUrl(text);
    expect(result.ok ? '' : result.error.reason).toContain(reason);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom('', 'turn:', 'stun:', 'turns:['), fc.string(), (start, rest) => {
        parseIceUrl(start + rest);
      }),
    );
  });

  it('reads back what formatIceUrl writes', () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    const url = fc.record<IceUrl>({
      scheme: fc.constantFrom('turn', 'turns'),
      host,
      port: fc.integer({ min: 1, max: 65535 }),
      transport: fc.constantFrom('udp', 'tcp'),
    });
    fc.assert(
      fc.property(url, (url) => {
        expect(parsed(formatIceUrl(url))).toMatchObject(url);
      }),
    );
  });
});
