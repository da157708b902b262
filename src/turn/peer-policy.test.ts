import { describe, expect, it } from 'vitest';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { IpAddress } from '../stun/ip-address.ts';
import { type AddressRange, parseAddressRange } from './address-range.ts';
import { deniedByDefault, PeerPolicy } from './peer-policy.ts';

const range = (text: string) => parseAddressRange(text) as AddressRange;
const policy = (allow: string[] = [], deny: string[] = []) =>
  new PeerPolicy({ allow: allow.map(range), deny: deny.map(range) });
const reachable = (ip: string, rules = policy()) => rules.judge(IpAddress.parse(ip)!).reachable;

/** Each denied range with its last address, and the neighbours outside; `-` where the neighbour is denied as well. */
const denied: [cidr: string, last: string, below: string, above: string][] = [
  ['0.0.0.0/8', '0.255.255.255', '-', '1.0.0.0'],
  ['10.0.0.0/8', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['100.64.0.0/10', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127.0.0.0/8', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['169.254.0.0/16', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16.0.0/12', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['192.0.0.0/24', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['192.0.2.0/24', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.88.99.0/24', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['192.168.0.0/16', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['198.18.0.0/15', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100.0/24', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['203.0.113.0/24', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['224.0.0.0/4', '239.255.255.255', '223.255.255.255', '-'],
  ['240.0.0.0/4', '255.255.255.255', '-', '-'],
  ['::/128', '::', '-', '-'],
  ['::1/128', '::1', '-', '-'],
  ['::/96', '::ffff:ffff', '-', '::1:0:0'],
  ['::ffff:0:0/96', '::ffff:255.255.255.255', '::fffe:ffff:ffff', '::1:0:0:0'],
  ['64:ff9b::/96', '64:ff9b::ffff:ffff', '64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff', '64:ff9b::1:0:0'],
  ['64:ff9b:1::/48', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', '64:ff9b:0:ffff:ffff:ffff:ffff:ffff', '64:ff9b:2::'],
  ['100::/64', '100::ffff:ffff:ffff:ffff', 'ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '100:0:0:1::'],
  ['2001::/32', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff', '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:1::'],
  ['2001:db8::/32', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff::ffff', '2001:db9::'],
  ['2002::/16', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:ffff:ffff::ffff', '2003::'],
  ['3fff::/20', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff::ffff', '3fff:1000::'],
  ['fc00::/7', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe00::'],
  ['fe80::/10', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '-'],
  ['fec0::/10', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '-', '-'],
  ['ff00::/8', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '-', '-'],
];

describe('the ranges that are denied by default', () => {
  it('are all in the table of this test', () => {
    expect(denied.map(([cidr]) => cidr).sort()).toEqual([...deniedByDefault].sort());
  });

  it.each(denied)('%s, to %s', (cidr, last, below, above) => {
    expect([reachable(cidr.replace(/\/.*/, '')), reachable(last)]).toEqual([false, false]);
    if (below !== '-') expect(reachable(below)).toBe(true);
    if (above !== '-') expect(reachable(above)).toBe(true);
  });

  it('leave the public internet reachable', () => {
    for (const ip of ['1.1.1.1', '8.8.8.8', '223.255.255.254', '2606:4700::1111', '2a00::1']) {
      expect(reachable(ip)).toBe(true);
    }
  });
});

describe('rules of the operator', () => {
  it('allow what is denied by default, and that alone', () => {
    const rules = policy(['10.1.0.0/16', 'fd00::5']);
    expect(reachable('10.1.2.3', rules)).toBe(true);
    expect(reachable('10.2.0.0', rules)).toBe(false);
    expect(reachable('fd00::5', rules)).toBe(true);
    expect(reachable('fd00::6', rules)).toBe(false);
  });

  it('deny what is public', () => {
    const rules = policy([], ['8.8.0.0/16', '2606:4700::1-2606:4700::9']);
    expect(reachable('8.8.8.8', rules)).toBe(false);
    expect(reachable('8.9.0.0', rules)).toBe(true);
    expect(reachable('2606:4700::5', rules)).toBe(false);
    expect(reachable('2606:4700::a', rules)).toBe(true);
  });

  it('allow wins over deny', () => {
    expect(reachable('8.8.8.8', policy(['8.8.8.8'], ['8.0.0.0/8']))).toBe(true);
  });

  it.each([
    ['mapped', '::ffff:127.0.0.1', '::ffff:8.8.8.8'],
    ['compatible', '::127.0.0.1', '::8.8.8.8'],
    ['NAT64', '64:ff9b::127.0.0.1', '64:ff9b::8.8.8.8'],
    ['6to4', '2002:7f00:1::1', '2002:808:808::1'],
  ])('that allow all of IPv6 do not open an IPv4 address that is %s', (_, hidden, harmless) => {
    const rules = policy(['::/0']);
    expect(reachable(hidden, rules)).toBe(false);
    expect(reachable(harmless, rules)).toBe(true);
    expect(reachable(harmless)).toBe(false);
    expect(reachable(hidden, policy(['::/0', '127.0.0.0/8']))).toBe(true);
    expect(reachable(harmless, policy(['::/0'], ['8.8.8.8']))).toBe(false);
  });
});

describe('own addresses and services', () => {
  const own = IpAddress.parse('44.0.0.1')!;

  it('an own relay address is known as such and not reachable beyond its relays', () => {
    const rules = policy();
    expect(rules.judge(own)).toEqual({ reachable: true, own: false, servesHere: false });
    rules.setOwnAddresses([own]);
    expect(rules.judge(own)).toEqual({ reachable: false, own: true, servesHere: false });
    expect(rules.judge(IpAddress.parse('44.0.0.2')!)).toEqual({ reachable: true, own: false, servesHere: false });
  });

  it('the operator may allow it', () => {
    const rules = policy(['44.0.0.1']);
    rules.setOwnAddresses([own]);
    expect(rules.judge(own)).toEqual({ reachable: true, own: true, servesHere: false });
  });

  it('no IPv6 form of it is reachable, whatever is allowed there', () => {
    const rules = policy(['::/0']);
    rules.setOwnAddresses([own]);
    for (const form of ['::ffff:44.0.0.1', '::44.0.0.1', '64:ff9b::44.0.0.1', '2002:2c00:1::']) {
      expect(reachable(form, rules)).toBe(false);
    }
  });

  it('a service of the daemon is one in every form of its address, at its port', () => {
    const rules = policy(['::/0', '0.0.0.0/0']);
    rules.setOwnServices([address('44.0.0.1:8080')]);
    for (const form of ['44.0.0.1', '::ffff:44.0.0.1', '64:ff9b::44.0.0.1', '2002:2c00:1::']) {
      const ip = IpAddress.parse(form)!;
      expect(rules.judge(ip).servesHere).toBe(true);
      expect([8080, 8081].map((port) => rules.isOwnService(ip, port))).toEqual([true, false]);
    }
  });
});
