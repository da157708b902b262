import { expect, it } from 'vitest';
import { violations } from './source-rules.ts';

const found = (text: string) => violations({ path: 'src/nat/x.ts', text }).map((line) => line.replace(/^\S+ /, ''));

it.each([
  ["import { createSocket } from 'node:dgram';", 'imports node:dgram into a pure folder'],
  ["import { randomBytes } from 'node:crypto';", 'imports randomBytes of node:crypto into a pure folder'],
  ["import { systemClock } from '../client/clock.ts';", 'imports more than types from src/client/clock.ts'],
  ["import { type Clock, systemClock } from '../client/clock.ts';", 'imports more than types from src/client/clock.ts'],
  ["export { openUdpSocket } from '../client/udp-socket.ts';", 'imports more than types from src/client/udp-socket.ts'],
  ["import { x } from '../diagnosis/x.ts';", 'imports from src/diagnosis, which src/nat may not'],
  ['setTimeout(f, 1);', 'uses setTimeout in a pure folder'],
  ['performance.now();', 'uses performance in a pure folder'],
])('the NAT tests are handed all that comes from outside: not %s', (text, what) => {
  expect(found(text)).toContain(what);
});

it.each([
  "import type { Clock } from '../client/clock.ts';",
  "export type { UdpSocketOptions } from '../client/udp-socket.ts';",
  "import { StunClient } from '../client/stun-client.ts';",
  "import { success } from '../client/result.ts';",
])('but they may have %s', (text) => {
  expect(found(text)).toEqual([]);
});
