import fc from 'fast-check';
import { expect, it } from 'vitest';
import { address } from '../../../test/virtual-network/virtual-network.ts';
import { type MappingObservation, readMapping } from './mapping-evidence.ts';

const seen = (...pairs: readonly (readonly [string, number])[]): MappingObservation[] =>
  pairs.map(([to, port]) => ({ to: address(to), mapped: address(`198.51.100.1:${port}`) }));

/** With the address that saw it, where there are two uplinks. */
const seenAs = (...seen: readonly (readonly [string, string])[]): MappingObservation[] =>
  seen.map(([to, mapped]) => ({ to: address(to), mapped: address(mapped) }));

it('two uplinks, of which some addresses share one', () => {
  const one = '198.51.100.1:7';
  const two = seenAs(['192.0.2.1:1', one], ['192.0.2.2:1', '198.51.100.2:7'], ['192.0.2.3:1', one]);
  expect(readMapping(two)).toMatchObject({ kind: 'address-dependent-or-stricter', shared: true });
  const ports = [...two, ...seenAs(['192.0.2.1:2', one])];
  expect(readMapping(ports)).toMatchObject({ kind: 'found', behavior: 'address-dependent', shared: true });
  const inside = seenAs(['192.0.2.1:1', one], ['192.0.2.2:1', '10.0.0.2:7'], ['192.0.2.3:1', one]);
  expect(readMapping(inside).kind).toBe('contradictory');
});

it.each([
  ['all the same', seen(['192.0.2.1:1', 7], ['192.0.2.2:1', 7]), 'endpoint-independent'],
  ['one for each address', seen(['192.0.2.1:1', 7], ['192.0.2.1:2', 7], ['192.0.2.2:1', 8]), 'address-dependent'],
  ['one for each port', seen(['192.0.2.1:1', 7], ['192.0.2.1:2', 8]), 'address-and-port-dependent'],
  [
    'one for each port, whatever the address',
    seen(['192.0.2.1:1', 7], ['192.0.2.1:2', 8], ['192.0.2.2:1', 7]),
    'address-and-port-dependent',
  ],
] as const)('%s', (_, observations, behavior) => {
  expect(readMapping(observations)).toMatchObject({ kind: 'found', behavior });
});

it.each([
  ['nothing', [], 'too-little'],
  ['one', seen(['192.0.2.1:1', 7]), 'too-little'],
  ['two ports of one address', seen(['192.0.2.1:1', 7], ['192.0.2.1:2', 7]), 'address-dependent-or-looser'],
  ['two addresses that differ', seen(['192.0.2.1:1', 7], ['192.0.2.2:1', 8]), 'address-dependent-or-stricter'],
  [
    'two that agree and one that does not',
    seen(['192.0.2.1:1', 7], ['192.0.2.2:1', 7], ['192.0.2.3:1', 8]),
    'contradictory',
  ],
] as const)('says no more than can be known of %s', (_, observations, kind) => {
  expect(readMapping(observations).kind).toBe(kind);
});

const endpoints = fc.uniqueArray(
  fc.record({ host: fc.integer({ min: 1, max: 4 }), port: fc.integer({ min: 1, max: 3 }) }),
  { selector: ({ host, port }) => `${host}:${port}`, minLength: 1 },
);

it.each([
  ['endpoint-independent', () => ''],
  ['address-dependent', ({ host }: { host: number }) => `${host}`],
  ['address-and-port-dependent', ({ host, port }: { host: number; port: number }) => `${host}:${port}`],
] as const)('is never wrong about %s mapping, whatever was asked', (behavior, keyOf) => {
  fc.assert(
    fc.property(endpoints, (asked) => {
      const ports = new Map<string, number>();
      const observations = asked.map((endpoint) => {
        const key = keyOf(endpoint);
        if (!ports.has(key)) ports.set(key, 5000 + ports.size);
        return seen([`192.0.2.${endpoint.host}:${endpoint.port}`, ports.get(key)!])[0]!;
      });
      const evidence = readMapping(observations);
      expect(evidence.kind).not.toBe('contradictory');
      if (evidence.kind === 'found') expect(evidence.behavior).toBe(behavior);
      if (evidence.kind === 'address-dependent-or-stricter') expect(behavior).not.toBe('endpoint-independent');
      if (evidence.kind === 'address-dependent-or-looser') expect(behavior).not.toBe('address-and-port-dependent');
      const turned = readMapping(observations.toReversed());
      expect(turned).toEqual(evidence);
    }),
  );
});
