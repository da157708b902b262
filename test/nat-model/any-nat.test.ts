import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NatKind } from '../virtual-network/virtual-nat.ts';
import { diagnoseWorld, discoveryServer, outsideAddress, said } from './nat-world.ts';

const behavior = fc.constantFrom(
  'endpoint-independent' as const,
  'address-dependent' as const,
  'address-and-port-dependent' as const,
);

const nat: fc.Arbitrary<Partial<NatKind>> = fc.record({
  mapping: fc.oneof(behavior, fc.constant('none' as const)),
  filtering: behavior,
  ports: fc.oneof(
    fc.constantFrom('preserving' as const, 'random' as const),
    fc.record({ step: fc.constantFrom(1, 2, -1) }),
    fc.record({ block: fc.integer({ min: 500, max: 2000 }) }),
  ),
  parity: fc.boolean(),
  addresses: fc.constant([outsideAddress]),
  hairpin: fc.boolean(),
  dropsFragments: fc.boolean(),
  rewritesPayload: fc.boolean(),
  unsolicitedTakesPort: fc.boolean(),
});

it('any NAT, on any line that is not too bad, is found to be what it is', async () => {
  const conditions = fc.record({
    latencyMs: fc.integer({ min: 1, max: 150 }),
    jitterMs: fc.integer({ min: 0, max: 30 }),
    loss: fc.constantFrom(0, 0.01, 0.05),
    duplication: fc.constantFrom(0, 0.05),
  });
  await fc.assert(
    fc.asyncProperty(nat, conditions, fc.integer(), async (kind, line, seed) => {
      const tests = { hairpin: true };
      const servers = [discoveryServer, { at: '192.0.2.2:3478' }];
      const { report, left } = await diagnoseWorld({ nat: kind, conditions: line, seed, tests, servers });
      const isNat = kind.mapping !== 'none';
      expect(said(report.translated)).toBe(isNat);
      expect(said(report.mapping)).toBe(isNat ? kind.mapping : 'endpoint-independent');
      expect(said(report.filtering)).toBe(kind.filtering);
      // On a slow line with losses there may be no time left to be sure that pieces are dropped.
      if (line.loss === 0 || report.fragments.state === 'found') {
        expect(said(report.fragments)).toBe(!kind.dropsFragments);
      }
      // Without a translation the inside address is what MAPPED-ADDRESS should hold.
      expect(said(report.rewriting)).toBe(isNat && kind.rewritesPayload);
      if (report.unsolicitedKeepsMapping?.state === 'found') {
        expect(report.unsolicitedKeepsMapping.value).toBe(!kind.unsolicitedTakesPort);
      }
      // Both sides send at once, and each takes the other's port where unsolicited packets do so.
      if (report.hairpin.state === 'found' && !(kind.hairpin && kind.unsolicitedTakesPort)) {
        expect(report.hairpin.value).toBe(kind.hairpin);
      }
      if (isNat && kind.mapping === 'endpoint-independent') expect(report.hairpin.state).toBe('found');
      expect(left).toBe(0);
    }),
    { numRuns: 150, seed: 5780 },
  );
});
