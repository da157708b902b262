import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { formsOf } from './disguise.ts';
import { securityTargets } from './targets.ts';

const ip = (text: string) => IpAddress.parse(text)!;
const host = ['127.0.0.1', '::1', '10.0.0.7', '198.41.0.4', 'fe80::7'].map((text) => ({ ip: ip(text), zone: 'eth0' }));

function chosen(named: readonly string[] = [], addresses = host): unknown {
  const targets = securityTargets(addresses, named.map(ip));
  return targets.ok ? targets.value.map((target) => target.ip.text) : targets.error;
}

describe('what is tried as a peer', () => {
  it('is every address of this host that is no public one', () => {
    expect(chosen()).toEqual(['127.0.0.1', '::1', '10.0.0.7', 'fe80::7']);
  });

  it('is also a public one that is named', () => {
    expect(chosen(['198.41.0.4'])).toContain('198.41.0.4');
  });

  it('is any loopback address, since all of them are this host', () => {
    expect(chosen(['127.0.0.53'])).toContain('127.0.0.53');
  });

  it('is nothing twice', () => {
    expect(chosen(['10.0.0.7'])).toEqual(chosen());
  });

  it('is never an address of somebody else', () => {
    expect(chosen(['10.0.0.8'])).toEqual({
      code: 'not_on_this_host',
      message:
        "10.0.0.8 is no address of this host, and nobody else's is tried. Name one of 127.0.0.1, ::1, 10.0.0.7, 198.41.0.4, fe80::7, or run this on the host that has it.",
    });
  });

  it('is no more than four bridges of a host with many', () => {
    const bridges = Array.from({ length: 20 }, (_, i) => ({ ip: ip(`172.${16 + (i % 16)}.${i}.1`), zone: 'br' }));
    expect(chosen(['172.20.4.1', '172.21.5.1'], bridges)).toEqual([
      ...['172.16.0.1', '172.17.1.1', '172.18.2.1', '172.19.3.1', '172.20.4.1', '172.21.5.1'],
    ]);
  });
});

describe('the disguises of an address', () => {
  it('are all that can hide an IPv4 loopback address', () => {
    const forms = formsOf({ ip: ip('127.0.0.1'), addressClass: 'loopback' });
    expect(forms.map((form) => [form.disguise, form.ip.text])).toEqual([
      ['none', '127.0.0.1'],
      ['unspecified', '0.0.0.0'],
      ['ipv4-mapped', '::ffff:127.0.0.1'],
      ['ipv4-compatible', '::7f00:1'],
      ['nat64', '64:ff9b::7f00:1'],
      ['6to4', '2002:7f00:1::1'],
    ]);
  });

  it('are the unspecified address for ::1, and none for other IPv6 addresses', () => {
    expect(formsOf({ ip: ip('::1'), addressClass: 'loopback' }).map((form) => form.ip.text)).toEqual(['::1', '::']);
    expect(formsOf({ ip: ip('fd00::1'), addressClass: 'private' }).map((form) => form.ip.text)).toEqual(['fd00::1']);
  });
});
