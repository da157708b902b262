import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressFamily } from '../../stun/protocol.ts';
import { addressesIn } from './hosts-file.ts';
import { defaultRouter } from './route-table.ts';

describe('the route table of Linux', () => {
  const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
  const route = (destination: string, gateway: string, flags: string, metric: number, mask = '00000000') =>
    ['eth0', destination, gateway, flags, 0, 0, metric, mask, 0, 0, 0].join('\t');

  it('names the router of the default route with the least metric', () => {
    const table = [
      header,
      route('00000000', '0102A8C0', '0003', 600),
      route('00000000', '0101A8C0', '0003', 100),
      route('0001A8C0', '00000000', '0001', 0, '00FFFFFF'),
      route('00000000', '00000000', '0001', 0),
    ].join('\n');
    expect(defaultRouter(table)?.text).toBe('192.168.1.1');
  });

  it('may name none, whatever is in it', () => {
    expect(defaultRouter(header)).toBeUndefined();
    fc.assert(fc.property(fc.string(), (any) => void defaultRouter(any)));
  });
});

describe('the hosts file', () => {
  const text =
    '127.0.0.1 localhost\r\n::1 localhost ip6-localhost # not stun.example.org\n192.0.2.1\tstun.example.org stun\n';

  it('has addresses of a name, in each family', () => {
    const texts = (host: string, family: AddressFamily) => addressesIn(text, host, family).map((ip) => ip.text);
    expect(texts('LOCALHOST', AddressFamily.ipv4)).toEqual(['127.0.0.1']);
    expect(texts('localhost', AddressFamily.ipv6)).toEqual(['::1']);
    expect(texts('stun.example.org.', AddressFamily.ipv4)).toEqual(['192.0.2.1']);
    expect(texts('stun.example.org', AddressFamily.ipv6)).toEqual([]);
  });

  it('may hold anything', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (any, host) => void addressesIn(any, host, AddressFamily.ipv4)));
  });
});
