import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readServerName } from './server-name.ts';

it.each([
  ['stun.example.org', 'stun.example.org', 3478],
  ['stun.example.org:19302', 'stun.example.org', 19_302],
  ['192.0.2.1', '192.0.2.1', 3478],
  ['192.0.2.1:1', '192.0.2.1', 1],
  ['2001:db8::1', '2001:db8::1', 3478],
  ['[2001:db8::1]:5349', '2001:db8::1', 5349],
])('reads the server %s', (text, host, port) => {
  expect(readServerName(text)).toEqual({ text, host, port });
});

it.each(['', ':3478', 'a b', '192.0.2.300', 'host:0', 'host:65536', '[192.0.2.1]:1', 'stun:host', 'http://host/'])(
  'does not take %s for a server',
  (text) => expect(readServerName(text)).toBeUndefined(),
);

it('takes any text', () => {
  fc.assert(fc.property(fc.string(), (text) => void readServerName(text)));
});
