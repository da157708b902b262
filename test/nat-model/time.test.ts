import { describe, expect, it } from 'vitest';
import { diagnoseWorld, discoveryServer, said } from './nat-world.ts';

const silent = { silent: true } as const;

describe('how long it takes', () => {
  it.each([20, 100])('at most six seconds on a healthy network of %i ms each way', async (latencyMs) => {
    for (const mapping of ['endpoint-independent', 'address-and-port-dependent', 'none'] as const) {
      for (const filtering of ['endpoint-independent', 'address-and-port-dependent'] as const) {
        const { elapsedMs } = await diagnoseWorld({ nat: { mapping, filtering }, conditions: { latencyMs } });
        expect(elapsedMs).toBeLessThanOrEqual(6000);
      }
    }
  });

  it('no longer where one of several servers says nothing', async () => {
    const servers = [{ at: '192.0.2.1:3478', faults: silent }, discoveryServer, { at: '192.0.2.2:3478' }];
    const { elapsedMs, report } = await diagnoseWorld({ servers });
    expect(said(report.mapping)).toBe('endpoint-independent');
    expect(elapsedMs).toBeLessThanOrEqual(6000);
  });

  it('at most twelve seconds where all say nothing', async () => {
    const servers = ['192.0.2.1:3478', '192.0.2.2:19302'].map((at) => ({ at, faults: silent }));
    const { elapsedMs } = await diagnoseWorld({ servers });
    expect(elapsedMs).toBeLessThanOrEqual(12_000);
  });

  it.each([500, 1500, 2500, 3500, 5000])(
    'never past a deadline of %i ms, and then says what is known',
    async (withinMs) => {
      const { elapsedMs, report, left } = await diagnoseWorld({ withinMs, conditions: { latencyMs: 200 } });
      expect(elapsedMs).toBeLessThanOrEqual(withinMs);
      expect(left).toBe(0);
      for (const finding of [report.mapping, report.filtering, report.ports, report.fragments]) {
        if (finding.state !== 'found') expect(finding.why).not.toBe('');
      }
      if (report.filtering.state === 'found') expect(report.filtering.value).toBe('address-and-port-dependent');
      if (report.mapping.state === 'found') expect(report.mapping.value).toBe('endpoint-independent');
      if (report.fragments.state === 'found') expect(report.fragments.value).toBe(true);
    },
  );

  it('no server gets more than twenty new transactions in a second', async () => {
    const servers = [discoveryServer, { at: '192.0.2.2:3478' }];
    const { running } = await diagnoseWorld({ servers, nat: { mapping: 'address-and-port-dependent' } });
    for (const { requests } of running) {
      const firsts = new Map<string, number>();
      for (const { id, at } of requests) if (!firsts.has(id)) firsts.set(id, at);
      const times = [...firsts.values()];
      expect(times.length).toBeGreaterThan(0);
      for (const time of times) {
        expect(times.filter((other) => other >= time && other < time + 1000).length).toBeLessThanOrEqual(20);
      }
    }
  });
});
