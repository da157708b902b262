import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { type AddressRange, parseAddressRange } from '../turn/address-range.ts';
import { deniedByDefault } from '../turn/peer-policy.ts';
import { blockOf, classOf, formatRange } from './address-class.ts';

const ip = (text: string) => IpAddress.parse(text)!;

describe('the class of an address', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.169.254', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['169.254.1.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['fd00::2', 'private'],
    ['100.64.0.1', 'shared'],
    ['239.1.2.3', 'multicast'],
    ['::ffff:127.0.0.1', 'transition'],
    ['2002:7f00:1::', 'transition'],
    ['203.0.113.7', 'reserved'],
    ['8.8.8.8', 'public'],
    ['2a00:1450::1', 'public'],
  ])('%s is %s', (text, expected) => {
    expect(classOf(ip(text))).toBe(expected);
  });

  it('is never public where the server refuses peers by default', () => {
    for (const text of deniedByDefault) {
      const { low, high } = parseAddressRange(text) as AddressRange;
      expect([text, classOf(low)]).not.toEqual([text, 'public']);
      expect([text, classOf(high)]).not.toEqual([text, 'public']);
    }
  });

  it.each([
    ['10.1.2.3', '10.0.0.0-10.255.255.255'],
    ['169.254.169.254', '169.254.169.254'],
    ['fe80::1', 'fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s lies in the range %s, as coturn writes it', (text, range) => {
    expect(formatRange(blockOf(ip(text))!)).toBe(range);
  });
});
