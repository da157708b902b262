import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { diagnoseWorld, outsideAddress, said } from './nat-world.ts';

const servers = (...at: string[]) => at.map((text) => ({ at: text }));
const three = servers('192.0.2.1:3478', '192.0.2.2:3478', '192.0.2.3:3478');
const pair = servers('192.0.2.1:3478', '192.0.2.1:3479', '192.0.2.2:3478');

describe('with plain STUN servers only', () => {
  it('what is let in is not tested', async () => {
    const { report } = await diagnoseWorld({ servers: three });
    expect(report.filtering.state).toBe('not-tested');
    expect(report.fragments.state).toBe('not-tested');
    expect(report.classicName).toBeNull();
    expect(said(report.ports)).toMatchObject({ allocation: 'random' });
  });

  it('three that agree are surer than two', async () => {
    const sure = await diagnoseWorld({ servers: three });
    expect(sure.report.mapping).toMatchObject({ value: 'endpoint-independent', confidence: 'high' });
    const lessSure = await diagnoseWorld({ servers: three.slice(0, 2) });
    expect(lessSure.report.mapping).toMatchObject({ value: 'endpoint-independent', confidence: 'medium' });
  });

  it('one is too little', async () => {
    const { report } = await diagnoseWorld({ servers: three.slice(0, 1) });
    expect(report.mapping.state).toBe('unknown');
    expect(said(report.translated)).toBe(true);
  });

  it.each([
    ['endpoint-independent', 'high'],
    ['address-dependent', 'high'],
    ['address-and-port-dependent', 'high'],
  ] as const)('with two ports of one address, %s mapping is told', async (mapping, confidence) => {
    const { report } = await diagnoseWorld({ servers: pair, nat: { mapping } });
    expect(report.mapping).toMatchObject({ value: mapping, confidence });
  });

  it.each(['address-dependent', 'address-and-port-dependent'] as const)(
    'without them, %s mapping is "address-dependent or stricter"',
    async (mapping) => {
      const { report } = await diagnoseWorld({ servers: three, nat: { mapping } });
      expect(said(report.mapping)).toContain('address-dependent or stricter');
      expect(report.endpointIndependent).toMatchObject({ state: 'found', value: false });
    },
  );

  it('two uplinks by destination are told, though some servers share one', async () => {
    const nat = { uplinks: [outsideAddress, IpAddress.parse('198.51.100.2')!] } as const;
    const { report } = await diagnoseWorld({ servers: [...pair, ...servers('192.0.2.3:3478')], nat });
    expect(report.mapping).toMatchObject({ value: 'address-dependent', confidence: 'medium' });
    expect(report.endpointIndependent).toMatchObject({ value: false });
    expect(said(report.pooling)).toBe(true);
    const without = await diagnoseWorld({ servers: three, nat });
    expect(said(without.report.mapping)).toContain('address-dependent or stricter');
    expect(without.report.endpointIndependent).toMatchObject({ value: false });
  });

  it.each(['made-up', 'made-up-address'] as const)('one that makes addresses up is not believed: %s', async (made) => {
    const liar = { at: '192.0.2.9:3478', faults: { mappedAddress: made } } as const;
    const { report } = await diagnoseWorld({ servers: [...three, liar] });
    expect(report.mapping.state).toBe('unknown');
  });

  it('what is not known of UDP makes all else not tested', async () => {
    for (const at of [servers('192.0.2.1:3478'), servers('192.0.2.1:3478', '192.0.2.2:19302')]) {
      const { report } = await diagnoseWorld({ servers: at, nat: { udp: 'dropped' } });
      for (const finding of [report.translated, report.mapping, report.filtering, report.ports]) {
        expect(finding.state).toBe('not-tested');
      }
    }
  });

  it('a pool of addresses shows', async () => {
    const addresses = [outsideAddress, IpAddress.parse('198.51.100.2')!];
    const { report } = await diagnoseWorld({ servers: three, nat: { addresses } });
    expect(said(report.pooling)).toBe(true);
    expect(said(report.mapping)).toBe('endpoint-independent');
  });
});

describe('whether UDP gets through', () => {
  const spread = servers('192.0.2.1:3478', '192.0.2.2:19302');

  it.each([
    ['dropped', spread, 'blocked'],
    ['rejected', spread, 'rejected'],
  ] as const)('%s at two hosts and two ports', async (udp, at, outcome) => {
    const { report, elapsedMs } = await diagnoseWorld({ servers: at, nat: { udp } });
    expect(said(report.udp)).toBe(outcome);
    expect(report.mapping.state).toBe('not-tested');
    expect(elapsedMs).toBeLessThanOrEqual(12_000);
  });

  it.each([
    ['dropped', servers('192.0.2.1:3478')],
    ['dropped', servers('192.0.2.1:3478', '192.0.2.1:3479')],
    ['dropped', servers('192.0.2.1:3478', '192.0.2.2:3478')],
    ['rejected', servers('192.0.2.1:3478')],
  ] as const)('%s at fewer is unknown', async (udp, at) => {
    const { report } = await diagnoseWorld({ servers: at, nat: { udp } });
    expect(report.udp.state).toBe('unknown');
  });

  it('works where one of many answers', async () => {
    const silent = spread.map((plan) => ({ ...plan, faults: { silent: true } }));
    const { report } = await diagnoseWorld({ servers: [...silent, { at: '192.0.2.3:3478' }] });
    expect(said(report.udp)).toBe('works');
  });

  it('is unknown without servers', async () => {
    expect((await diagnoseWorld({ servers: [] })).report.udp.state).toBe('unknown');
  });
});
