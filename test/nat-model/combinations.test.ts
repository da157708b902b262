import { describe, expect, it } from 'vitest';
import type { Behavior } from '../../src/nat/behavior.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import type { NatKind, PortChoice } from '../virtual-network/virtual-nat.ts';
import { diagnoseWorld, discoveryServer, outsideAddress, said } from './nat-world.ts';

const behaviors: readonly Behavior[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];

const ports: readonly (readonly [string, PortChoice])[] = [
  ['preserving', 'preserving'],
  ['sequential', { step: 1 }],
  ['random', 'random'],
  ['block', { block: 2000 }],
];

const combinations = behaviors.flatMap((mapping) =>
  behaviors.flatMap((filtering) => ports.map(([name, choice]) => ({ mapping, filtering, name, choice }))),
);

describe('every kind of mapping and filtering is told as what it is', () => {
  it.each(combinations)('$mapping mapping, $filtering filtering, $name ports', async (kind) => {
    const { mapping, filtering, name, choice } = kind;
    const { report, left } = await diagnoseWorld({ nat: { mapping, filtering, ports: choice } });
    expect(said(report.udp)).toBe('works');
    expect(said(report.translated)).toBe(true);
    expect(said(report.mapping)).toBe(mapping);
    expect(said(report.filtering)).toBe(filtering);
    expect(said(report.stable)).toBe(true);
    expect(said(report.pooling)).toBe(false);
    expect(said(report.fragments)).toBe(true);
    expect(said(report.rewriting)).toBe(false);
    expect(said(report.ports)).toMatchObject({ allocation: name, step: name === 'sequential' ? 1 : null });
    expect(report.mapping).toMatchObject({ confidence: 'high' });
    expect(report.filtering).toMatchObject({ confidence: 'high' });
    expect(report.local).toMatch(/^192\.168\.1\.2:/);
    expect(report.mapped).toHaveLength(1);
    expect(left).toBe(0);
  });

  it.each([
    ['endpoint-independent', 'open internet'],
    ['address-dependent', null],
    ['address-and-port-dependent', 'symmetric firewall'],
  ] as const)('no NAT, %s filtering', async (filtering, classicName) => {
    const { report } = await diagnoseWorld({ nat: { mapping: 'none', filtering }, tests: { hairpin: true } });
    expect(said(report.translated)).toBe(false);
    expect(said(report.mapping)).toBe('endpoint-independent');
    expect(said(report.filtering)).toBe(filtering);
    expect(report.classicName).toBe(classicName);
    expect(report.ports.state).toBe('not-tested');
    expect(report.hairpin.state).toBe('not-tested');
    expect(report.mapped).toEqual([report.local]);
  });

  it.each([
    ['endpoint-independent', 'endpoint-independent', 'full cone'],
    ['endpoint-independent', 'address-dependent', 'restricted cone'],
    ['endpoint-independent', 'address-and-port-dependent', 'port-restricted cone'],
    ['address-and-port-dependent', 'address-and-port-dependent', 'symmetric'],
    ['address-dependent', 'address-and-port-dependent', null],
  ] as const)('%s mapping and %s filtering: %s', async (mapping, filtering, name) => {
    expect((await diagnoseWorld({ nat: { mapping, filtering } })).report.classicName).toBe(name);
  });
});

describe('what else a NAT does', () => {
  const twoAddresses = [outsideAddress, IpAddress.parse('198.51.100.2')!];

  it.each<
    [string, Partial<NatKind>, (report: Awaited<ReturnType<typeof diagnoseWorld>>['report']) => unknown, unknown]
  >([
    ['a pool of addresses', { addresses: twoAddresses }, (r) => said(r.pooling), true],
    ['a pool, both of them', { addresses: twoAddresses }, (r) => r.mapped.length, 2],
    ['dropped fragments', { dropsFragments: true }, (r) => said(r.fragments), false],
    ['rewritten payloads', { rewritesPayload: true }, (r) => said(r.rewriting), true],
    ['a mapping that changes', { packetsPerMapping: 3 }, (r) => said(r.stable), false],
    ['ports in steps of two', { ports: { step: 2 } }, (r) => said(r.ports), { allocation: 'sequential', step: 2 }],
    ['ports that count down', { ports: { step: -1 } }, (r) => said(r.ports), { allocation: 'sequential', step: -1 }],
    ['kept parity', { parity: true }, (r) => said(r.ports), { allocation: 'random', parityPreserved: true }],
    ['lost parity', {}, (r) => said(r.ports), { allocation: 'random', parityPreserved: false }],
  ])('%s', async (_, nat, look, expected) => {
    const { report } = await diagnoseWorld({ nat });
    const seen = look(report);
    if (typeof expected === 'object') expect(seen).toMatchObject(expected as object);
    else expect(seen).toBe(expected);
  });

  it('a mapping that changes is not taken for one that depends on the destination', async () => {
    const { report } = await diagnoseWorld({ nat: { packetsPerMapping: 3 } });
    expect(report.mapping).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('changed while it was in use'),
    });
  });

  it.each([true, false])('unsolicited packets that take the port: %s', async (unsolicitedTakesPort) => {
    for (const ports of ['preserving', 'random', { step: 1 }] as const) {
      const { report, elapsedMs } = await diagnoseWorld({ nat: { unsolicitedTakesPort, ports } });
      expect(report.unsolicitedKeepsMapping).toMatchObject({ value: !unsolicitedTakesPort, confidence: 'high' });
      expect(said(report.mapping)).toBe('endpoint-independent');
      expect(said(report.filtering)).toBe('address-and-port-dependent');
      expect(said(report.stable)).toBe(true);
      expect(elapsedMs).toBeLessThanOrEqual(6000);
    }
  });

  it.each([
    { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' },
    { mapping: 'endpoint-independent', filtering: 'address-dependent' },
    { mapping: 'none', filtering: 'address-and-port-dependent' },
  ] as const)('with $mapping mapping and $filtering filtering they do no harm that counts', async (nat) => {
    const { report } = await diagnoseWorld({ nat: { ...nat, unsolicitedTakesPort: true } });
    expect(report.unsolicitedKeepsMapping?.state).toBe('not-tested');
  });

  it('ports in sequence have their step although other tests run in between', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      for (const step of [1, 2, 5]) {
        const nat = { ports: { step }, mapping: 'address-and-port-dependent' } as const;
        const servers = [discoveryServer, { at: '192.0.2.2:3478' }, { at: '192.0.2.3:3478' }];
        const { report } = await diagnoseWorld({ nat, seed, servers, conditions: { latencyMs: 15, jitterMs: 10 } });
        expect(said(report.ports)).toMatchObject({ allocation: 'sequential', step });
      }
    }
  });

  it('a filter that all hosts share is not opened by the tests themselves', async () => {
    const { report } = await diagnoseWorld({ nat: { sharedFilter: true } });
    expect(said(report.filtering)).toBe('address-dependent');
  });

  it.each([true, false])('hairpinning: %s', async (hairpin) => {
    const { report } = await diagnoseWorld({ nat: { hairpin }, tests: { hairpin: true } });
    expect(said(report.hairpin)).toBe(hairpin);
  });

  it('hairpinning cannot be denied where each destination gets a port of its own', async () => {
    const nat = { mapping: 'address-and-port-dependent' } as const;
    const { report } = await diagnoseWorld({ nat, tests: { hairpin: true } });
    expect(report.hairpin.state).toBe('unknown');
  });

  it.each([
    [5, 4, 5],
    [30, 28, 30],
    [120, 110, 120],
  ])('a mapping that lives %i s', async (seconds, atLeast, atMost) => {
    const nat = { timeoutMs: seconds * 1000 };
    const { report } = await diagnoseWorld({ nat, tests: { lifetime: true }, withinMs: 900_000 });
    const lifetime = said(report.lifetime);
    if (typeof lifetime === 'string') throw new Error(lifetime);
    expect(lifetime.aliveAfterSeconds).toBeGreaterThanOrEqual(atLeast);
    expect(lifetime.aliveAfterSeconds).toBeLessThan(seconds);
    expect(lifetime.goneAfterSeconds).toBeGreaterThanOrEqual(seconds);
    expect(lifetime.goneAfterSeconds).toBeLessThanOrEqual(atMost + Math.max(1, atMost / 10));
  });

  it('a lifetime that was not found before the deadline is a lower bound', async () => {
    const nat = { timeoutMs: 300_000 };
    const { report } = await diagnoseWorld({ nat, tests: { lifetime: true }, withinMs: 60_000 });
    expect(said(report.lifetime)).toMatchObject({ aliveAfterSeconds: 40, goneAfterSeconds: null });
  });
});
