import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../stun/ip-address.ts';
import { judgeNats, type NatEvidence } from './judge-nats.ts';
import type { RouterAnswer } from './router-answer.ts';

const ip = (text: string) => IpAddress.parse(text)!;
const router = ip('192.168.1.1');

function judge(given: {
  readonly local?: string;
  readonly mapped?: readonly string[];
  readonly wan?: string;
  readonly answers?: readonly Partial<RouterAnswer>[];
  readonly throughVpn?: boolean;
}) {
  const { local = '192.168.1.2', mapped = ['203.0.113.1'], wan, throughVpn = false } = given;
  const said = given.answers ?? (wan === undefined ? [] : [{ wanAddress: ip(wan) }]);
  const answers = said.map((one) => {
    return { router, protocol: 'nat-pmp' as const, wanAddress: undefined, translatedBefore: false, ...one };
  });
  const evidence: NatEvidence = {
    localIp: ip(local),
    throughVpn,
    mapped: mapped.map(ip),
    routers: { routed: router, candidates: [router], answers },
    elapsedMs: 1,
  };
  return judgeNats(evidence);
}

describe('the number of NATs', () => {
  it('is none where servers see the own address', () => {
    expect(judge({ local: '203.0.113.1' })).toMatchObject({ value: { nats: 'none', carrierNat: false } });
  });

  it('is one where servers see the outer address of the router', () => {
    expect(judge({ wan: '203.0.113.1' })).toMatchObject({
      value: { nats: 'one', carrierNat: false, address: '192.168.1.1', protocol: 'nat-pmp', wanAddress: '203.0.113.1' },
      confidence: 'high',
    });
  });

  it.each(['100.64.0.2', '100.127.255.254', '192.0.0.2'])('is two with a carrier behind %s', (wan) => {
    expect(judge({ wan })).toMatchObject({ value: { nats: 'two-or-more', carrierNat: true }, confidence: 'high' });
  });

  it.each(['10.0.0.2', '172.31.0.2', '192.168.0.2'])('is two behind %s, whoever the second one belongs to', (wan) => {
    expect(judge({ wan })).toMatchObject({ value: { nats: 'two-or-more', carrierNat: null } });
  });

  it.each(['198.51.100.1', '100.128.0.1', '192.0.0.8'])('is two where servers see another address than %s', (wan) => {
    expect(judge({ wan })).toMatchObject({ value: { nats: 'two-or-more', carrierNat: null }, confidence: 'medium' });
  });

  it('is not known where servers see several addresses and none is that of the router', () => {
    expect(judge({ wan: '198.51.100.1', mapped: ['203.0.113.1', '203.0.113.2'] })).toMatchObject({
      value: { nats: 'unknown' },
    });
  });

  it('is told by an own address that carriers give out, unless it is that of a VPN', () => {
    expect(judge({ local: '100.70.1.2' })).toMatchObject({ value: { nats: 'unknown', carrierNat: true } });
    expect(judge({ local: '100.70.1.2', throughVpn: true }).state).toBe('unknown');
  });

  it('is two where a router with PCP sees another address than the own', () => {
    expect(judge({ answers: [{ protocol: 'pcp', translatedBefore: true }] })).toMatchObject({
      value: { nats: 'two-or-more', protocol: 'pcp' },
    });
  });

  it('takes the outer address from the protocol that knows it', () => {
    const answers = [{ protocol: 'pcp' as const }, { protocol: 'upnp' as const, wanAddress: ip('203.0.113.1') }];
    expect(judge({ answers })).toMatchObject({ value: { nats: 'one', protocol: 'upnp' } });
  });

  it.each(['0.0.0.0', '255.255.255.255', '127.0.0.1', '224.0.0.1'])('says nothing by an outer address of %s', (wan) => {
    expect(judge({ wan })).toMatchObject({ value: { nats: 'unknown', wanAddress: null } });
  });

  it('is unknown where the router says nothing', () => {
    expect(judge({})).toEqual({
      state: 'unknown',
      why: 'The router (192.168.1.1) answers neither NAT-PMP, PCP nor UPnP, so it cannot be told how many NATs there are.',
    });
  });
});
