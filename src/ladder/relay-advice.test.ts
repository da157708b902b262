import { expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { allocationWarnings, explainsUnreachable, keepsPeersAway } from './relay-advice.ts';

const ip = (text: string) => IpAddress.parse(text)!;

it.each([
  ['behind a NAT, with no public address given', '10.0.0.5', '8.8.4.4', true, true],
  ['in a private network, at its own address', '10.0.0.5', '10.0.0.5', false, false],
  ['in a private network, at another interface', '172.17.0.1', '10.0.0.5', false, false],
  ['at a loopback address', '127.0.0.1', '10.0.0.5', true, false],
  ['at a loopback address of a public server', '127.0.0.1', '8.8.4.4', true, true],
  ['at no address', '0.0.0.0', '10.0.0.5', true, true],
  ['at the address of the client', '10.0.0.9', '10.0.0.5', true, false],
  ['at its public address', '8.8.4.4', '8.8.4.4', false, false],
])('a relay %s: whether that tells why nobody reaches it, and keeps peers away', (_, relayed, server, tells, keeps) => {
  const context = { server: ip(server), mapped: ip('10.0.0.9') };
  const warnings = allocationWarnings({ ip: ip(relayed), port: 50_000 }, 600, context);
  expect(explainsUnreachable(warnings, context.server)).toBe(tells);
  expect(keepsPeersAway(warnings, context.server)).toBe(keeps);
});
