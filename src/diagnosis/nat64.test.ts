import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../client/clock.ts';
import { failure, success } from '../client/result.ts';
import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { findNat64, nat64Prefix } from './nat64.ts';

const ip = (text: string) => IpAddress.parse(text)!;

describe('the prefix of a NAT64', () => {
  // RFC 6052 §2.4, with 192.0.0.170 in place of its example address.
  it.each([
    ['2001:db8:c000:aa::', '2001:db8::/32'],
    ['2001:db8:1c0:0:aa::', '2001:db8:100::/40'],
    ['2001:db8:122:c000:0:aa00::', '2001:db8:122::/48'],
    ['2001:db8:122:3c0:0:aa::', '2001:db8:122:300::/56'],
    ['2001:db8:122:344:c0:0:aa00::', '2001:db8:122:344::/64'],
    ['2001:db8:122:344::c000:aa', '2001:db8:122:344::/96'],
    ['64:ff9b::c000:ab', '64:ff9b::/96'],
  ])('is read from %s', (address, prefix) => {
    expect(nat64Prefix(ip(address))).toBe(prefix);
  });

  it('is not read from addresses that hold another one', () => {
    expect(nat64Prefix(ip('64:ff9b::c000:ac'))).toBeUndefined();
    const any = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer());
    fc.assert(fc.property(any, (words) => void nat64Prefix(new IpAddress(AddressFamily.ipv6, ...words))));
  });

  it('is unknown where the DNS server makes none up, or does not answer', async () => {
    const find = (answer: Awaited<ReturnType<Parameters<typeof findNat64>[0]['lookUp']>>) =>
      findNat64({ clock: systemClock, lookUp: async () => answer }, 1000);
    expect(await find(failure({ code: 'ENODATA' }))).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('names no NAT64'),
    });
    expect(await find(failure({ code: 'ETIMEOUT' }))).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('ETIMEOUT'),
    });
    expect(await find(success([ip('2001:db8::1')]))).toMatchObject({ state: 'unknown' });
    expect(await find(success([ip('64:ff9b::c000:aa')]))).toMatchObject({ value: { prefix: '64:ff9b::/96' } });
  });
});
