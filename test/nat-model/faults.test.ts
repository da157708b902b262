import { describe, expect, it } from 'vitest';
import type { Behavior } from '../../src/nat/behavior.ts';
import type { Finding } from '../../src/nat/finding.ts';
import { address } from '../virtual-network/virtual-network.ts';
import type { ServerFaults } from '../virtual-network/virtual-stun-server.ts';
import { diagnoseWorld, discoveryServer, said, type WorldOutcome } from './nat-world.ts';

const behaviors: readonly Behavior[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];

const kinds = behaviors.flatMap((filtering) => [
  { mapping: 'none' as const, filtering },
  ...behaviors.map((mapping) => ({ mapping, filtering })),
]);

const limits = [0.5, 1, 2, 4, 8].flatMap((perSecond) =>
  [1, 3, 10].flatMap((atOnce) => [
    [
      `${perSecond} answers a second, ${atOnce} at once`,
      { answersPerSecond: perSecond, answersAtOnce: atOnce },
    ] as const,
    [
      `${perSecond} answers a second to each socket, ${atOnce} at once`,
      { answersPerSecond: perSecond, answersAtOnce: atOnce, limitsEachSource: true },
    ] as const,
  ]),
);

const faults: readonly (readonly [string, ServerFaults])[] = [
  ['says nothing', { silent: true }],
  ['answers from elsewhere', { answersFrom: address('203.0.113.99:3478') }],
  ['answers from another port', { answersFrom: address('203.0.113.10:9999') }],
  ['answers with other transaction ids', { wrongTransactionId: true }],
  ['sends garbage', { garbage: true }],
  ['ignores CHANGE-REQUEST', { changeRequest: 'ignored' }],
  ['refuses CHANGE-REQUEST', { changeRequest: 'refused' }],
  ['drops requests with CHANGE-REQUEST', { changeRequest: 'dropped' }],
  ['names itself as its other address', { otherAddress: address('203.0.113.10:3478') }],
  ['names another port only', { otherAddress: address('203.0.113.10:3479') }],
  ['names another address only', { otherAddress: address('203.0.113.11:3478') }],
  ['names an address where nobody is', { otherAddress: address('203.0.113.77:3479') }],
  ['names an address that is no host', { otherAddress: address('224.0.0.1:3479') }],
  ['names this machine', { otherAddress: address('127.0.0.1:3479') }],
  ['names port 0', { otherAddress: address('203.0.113.11:0') }],
  ['is behind a NAT itself', { responseOrigin: address('10.0.0.1:3478') }],
  ['answers with 500', { errorCode: 500 }],
  ['answers with 401', { errorCode: 401 }],
  ['says no address', { mappedAddress: 'missing' }],
  ['says MAPPED-ADDRESS only', { mappedAddress: 'plain-only' }],
  ['makes the address up', { mappedAddress: 'made-up' }],
  ['is deaf at B:P1', { deaf: ['B:P1'] }],
  ['is deaf at B:P2', { deaf: ['B:P2'] }],
  ['is deaf at A:P2', { deaf: ['A:P2'] }],
  ['is deaf at B', { deaf: ['B:P1', 'B:P2'] }],
  ['is deaf at all but A:P1', { deaf: ['B:P1', 'B:P2', 'A:P2'] }],
  ['refuses RESPONSE-PORT', { responsePort: 'refused' }],
  ['ignores RESPONSE-PORT', { responsePort: 'ignored' }],
  ['refuses PADDING', { padding: 'refused' }],
  ['ignores PADDING', { padding: 'ignored' }],
  ...limits,
];

/** That what was found is the truth; nothing may have been found. */
function expectNoLie<T>(finding: Finding<T>, truth: T): void {
  if (finding.state === 'found') expect(finding.value).toEqual(truth);
  else expect(finding.why).toMatch(/^[A-Z0-9].*\.$/);
}

describe.each(faults)('a server that %s', (_, serverFaults) => {
  it.each(kinds)('never leads to a wrong answer: $mapping mapping, $filtering filtering', async (nat) => {
    const servers = [{ ...discoveryServer, faults: serverFaults }];
    const { report, elapsedMs, left } = await diagnoseWorld({ nat, servers, tests: { hairpin: true } });
    const isNat = nat.mapping !== 'none';
    // Who makes addresses up cannot be found out by asking nobody else; that it is not steady can.
    if (serverFaults.mappedAddress === 'made-up') {
      expect(report.mapping.state).not.toBe('found');
    } else {
      expectNoLie(report.mapping, nat.mapping === 'none' ? 'endpoint-independent' : nat.mapping);
      expectNoLie(report.translated, isNat);
      expectNoLie(report.stable, true);
    }
    expectNoLie(report.udp, 'works');
    expectNoLie(report.filtering, nat.filtering);
    expectNoLie(report.unsolicitedKeepsMapping!, true);
    expectNoLie(report.fragments, true);
    expectNoLie(report.rewriting, false);
    expectNoLie(report.pooling, false);
    if (report.hairpin.state === 'found') expect(report.hairpin.value).toBe(false);
    expect(elapsedMs).toBeLessThanOrEqual(15_000);
    expect(left).toBe(0);
  });
});

describe('what is said about a server', () => {
  const about = async (serverFaults: ServerFaults): Promise<WorldOutcome['servers'][number]> => {
    const nat = { filtering: 'endpoint-independent' } as const;
    const { servers } = await diagnoseWorld({ nat, servers: [{ ...discoveryServer, faults: serverFaults }] });
    return servers[0]!;
  };

  it('that it has all it takes', async () => {
    const { qualification, roundTripMs, notes } = await about({});
    expect(qualification).toMatchObject({ state: 'found', value: 'rfc5780', confidence: 'high' });
    expect(roundTripMs).toBe(40);
    expect(notes).toEqual([]);
  });

  it.each<[string, ServerFaults, string]>([
    ['it ignores CHANGE-REQUEST', { changeRequest: 'ignored' }, 'ignores CHANGE-REQUEST'],
    ['its other address is deaf', { deaf: ['B:P2'] }, 'does not answer at 203.0.113.11:3479'],
    ['it lies about its other address', { otherAddress: address('203.0.113.10:3479') }, 'does not differ in both'],
    ['it has a NAT in front of it', { responseOrigin: address('10.0.0.1:3478') }, 'NAT in front of it'],
  ])('that %s', async (_, serverFaults, note) => {
    const { qualification, notes } = await about(serverFaults);
    expect(said(qualification)).toBe('plain');
    expect(notes.join(' ')).toContain(note);
  });

  it.each<[string, ServerFaults, string]>([
    ['nothing comes', { silent: true }, 'does not answer'],
    ['garbage comes', { garbage: true }, 'answers nothing that was asked'],
    ['another one answers', { answersFrom: address('203.0.113.99:3478') }, '203.0.113.99:3478'],
    ['an error comes', { errorCode: 500 }, '500'],
    ['no address comes', { mappedAddress: 'missing' }, 'XOR-MAPPED-ADDRESS'],
  ])('where %s', async (_, serverFaults, why) => {
    const { qualification } = await about(serverFaults);
    expect(said(qualification)).toContain(why);
  });
});

describe.each(faults)('a server that %s, and a NAT of which unsolicited packets take the port', (_, serverFaults) => {
  it('is never said to keep it', async () => {
    const servers = [{ ...discoveryServer, faults: serverFaults }];
    const { report, elapsedMs, left } = await diagnoseWorld({ nat: { unsolicitedTakesPort: true }, servers });
    expectNoLie(report.unsolicitedKeepsMapping!, false);
    expect(elapsedMs).toBeLessThanOrEqual(15_000);
    expect(left).toBe(0);
  });
});

it('what nothing could prove is not said with high confidence', async () => {
  const nat = { mapping: 'address-and-port-dependent', filtering: 'endpoint-independent' } as const;
  const faults = { changeRequest: 'dropped', responsePort: 'ignored' } as const;
  const { report } = await diagnoseWorld({ nat, servers: [{ ...discoveryServer, faults }] });
  expect(report.filtering).toMatchObject({ state: 'found', confidence: 'medium' });
});

describe('a good server makes up for bad ones', () => {
  it.each(faults.filter(([, { mappedAddress }]) => mappedAddress !== 'made-up'))(
    'one that %s',
    async (_, serverFaults) => {
      const bad = { at: '192.0.2.10:3478', other: '192.0.2.11:3479', faults: serverFaults };
      const { report } = await diagnoseWorld({ servers: [bad, discoveryServer] });
      expect(said(report.mapping)).toBe('endpoint-independent');
      expectNoLie(report.filtering, 'address-and-port-dependent');
    },
  );
});
