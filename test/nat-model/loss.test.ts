import { describe, expect, it } from 'vitest';
import type { Behavior } from '../../src/nat/behavior.ts';
import { diagnoseWorld, said } from './nat-world.ts';

const behaviors: readonly Behavior[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];
const RUNS = 100;

const combinations = behaviors.flatMap((filtering) => [
  ...behaviors.map((mapping) => ({ mapping, filtering })),
  { mapping: 'none' as const, filtering },
]);

describe(`where 5 % of all packets are lost, ${RUNS} runs find the same`, () => {
  it.each(combinations)('$mapping mapping, $filtering filtering', async ({ mapping, filtering }) => {
    const conditions = { loss: 0.05, latencyMs: 15, jitterMs: 10 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= RUNS; seed++) {
      const ports = seed % 2 ? ('random' as const) : { step: 1 };
      const { report } = await diagnoseWorld({ nat: { mapping, filtering, ports }, conditions, seed });
      const isNat = mapping !== 'none';
      const found = JSON.stringify([
        said(report.udp),
        said(report.translated),
        said(report.mapping),
        said(report.filtering),
        said(report.stable),
        said(report.fragments),
        said(report.rewriting),
        report.pooling.state === 'found' && report.pooling.value,
        report.ports.state === 'found' && report.ports.value.allocation,
      ]);
      const truth = JSON.stringify([
        'works',
        isNat,
        isNat ? mapping : 'endpoint-independent',
        filtering,
        true,
        true,
        false,
        false,
        isNat && (seed % 2 ? 'random' : 'sequential'),
      ]);
      if (found !== truth) wrong.push(`seed ${seed}: ${found}`);
    }
    expect(wrong).toEqual([]);
  });
});

it.each([true, false])(`and whether unsolicited packets take the port: %s`, async (unsolicitedTakesPort) => {
  const conditions = { loss: 0.05, latencyMs: 15, jitterMs: 10 };
  const wrong: string[] = [];
  for (let seed = 1; seed <= RUNS; seed++) {
    const { report } = await diagnoseWorld({ nat: { unsolicitedTakesPort }, conditions, seed });
    const found = [said(report.unsolicitedKeepsMapping!), said(report.mapping), said(report.filtering)].join();
    const truth = `${!unsolicitedTakesPort},endpoint-independent,address-and-port-dependent`;
    if (found !== truth) wrong.push(`seed ${seed}: ${found}`);
  }
  expect(wrong).toEqual([]);
});

it('packets that come twice and overtake each other change nothing', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const conditions = { duplication: 0.2, latencyMs: 10, jitterMs: 60 };
    const { report } = await diagnoseWorld({ conditions, seed });
    expect(said(report.mapping)).toBe('endpoint-independent');
    expect(said(report.filtering)).toBe('address-and-port-dependent');
  }
});
