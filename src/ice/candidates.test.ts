import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { Foundations } from './foundations.ts';
import { MdnsNames } from './mdns-names.ts';
import { candidatePriority } from './priority.ts';
import { formatCandidate } from './sdp.ts';

const ip = (text: string) => IpAddress.parse(text)!;

describe('a priority', () => {
  it('is that of RFC 8445 §5.1.2.1 and, over TCP, of RFC 6544 §4.2', () => {
    const first = { component: 1, addressRank: 0 };
    expect(candidatePriority({ type: 'host', ...first })).toBe(2_130_706_431);
    expect(candidatePriority({ type: 'srflx', ...first })).toBe(1_694_498_815);
    expect(candidatePriority({ type: 'host', tcpType: 'active', ...first })).toBe(
      2 ** 24 * 90 + 2 ** 8 * (2 ** 13 * 6 + 8191) + 255,
    );
  });

  it('stays within 1 and 2³¹ − 1 and keeps types apart, whatever the ranks', () => {
    const rank = fc.nat({ max: 1000 });
    fc.assert(
      fc.property(rank, rank, rank, (a, b, server) => {
        const host = candidatePriority({ type: 'host', component: 1, addressRank: a });
        const tcp = candidatePriority({ type: 'host', tcpType: 'passive', component: 1, addressRank: b });
        const srflx = candidatePriority({ type: 'srflx', component: 1, addressRank: b, serverRank: server });
        const relay = (relayProtocol: 'udp' | 'tls') =>
          candidatePriority({ type: 'relay', relayProtocol, component: 1, addressRank: a, serverRank: server });
        const order = [host, srflx, tcp, relay('udp'), relay('tls')];
        expect(order).toEqual(order.toSorted((x, y) => y - x));
        expect(order.every((one) => one >= 1 && one < 2 ** 31)).toBe(true);
      }),
    );
  });
});

describe('a foundation', () => {
  it('is shared by candidates of one type, base, protocol and server (RFC 8445 §5.1.1.3)', () => {
    const foundations = new Foundations();
    const host = { type: 'host', protocol: 'udp', base: ip('192.168.1.2') } as const;
    const relay = { type: 'relay', protocol: 'udp', base: ip('192.168.1.2'), server: ip('203.0.113.1') } as const;
    expect(foundations.of(host)).toBe('1');
    expect(foundations.of({ ...host, protocol: 'tcp' })).toBe('2');
    expect(foundations.of({ ...host, base: ip('192.168.1.3') })).toBe('3');
    expect(foundations.of({ ...relay, relayProtocol: 'udp' })).toBe('4');
    expect(foundations.of({ ...relay, relayProtocol: 'tls' })).toBe('5');
    expect(foundations.of(host)).toBe('1');
  });
});

describe('in SDP a candidate', () => {
  const candidate = { foundation: '1', component: 1, priority: 5, port: 50000 } as const;

  it.each([
    [
      { ...candidate, protocol: 'udp', address: '192.0.2.1', type: 'host' },
      'candidate:1 1 udp 5 192.0.2.1 50000 typ host',
    ],
    [
      { ...candidate, protocol: 'tcp', address: '2001:db8::1', type: 'host', tcpType: 'passive' },
      'candidate:1 1 tcp 5 2001:db8::1 50000 typ host tcptype passive',
    ],
    [
      {
        ...candidate,
        protocol: 'udp',
        address: '192.0.2.1',
        type: 'srflx',
        relatedAddress: '10.0.0.2',
        relatedPort: 4,
      },
      'candidate:1 1 udp 5 192.0.2.1 50000 typ srflx raddr 10.0.0.2 rport 4',
    ],
  ] as const)('is written as RFC 8839 §5.1 and RFC 6544 §4.5 say', (given, text) => {
    expect(formatCandidate(given)).toBe(text);
  });
});

describe('an mDNS name', () => {
  it('is a version 4 UUID, one for each address', () => {
    let count = 0;
    const names = new MdnsNames((size) => Buffer.alloc(size, 0xf0 + ++count));
    const first = names.of(ip('192.168.1.2'));
    expect(first).toBe('f1f1f1f1-f1f1-41f1-b1f1-f1f1f1f1f1f1.local');
    expect(names.of(ip('192.168.1.2'))).toBe(first);
    expect(names.of(ip('192.168.1.3'))).not.toBe(first);
  });
});
