import fc from 'fast-check';
import type { Behavior } from '../../src/nat/behavior.ts';
import { type Finding, notTested, unknown } from '../../src/nat/finding.ts';
import type { Diagnosis, FamilyReport } from '../../src/nat/report.ts';
import { diagnosis, everyBehavior, family, found, grid, noFamily } from './sample-diagnoses.ts';

/** A finding of one of these values, or none. */
export function anyFinding<T>(values: readonly T[]): fc.Arbitrary<Finding<T>> {
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom(...values), fc.constantFrom('high', 'medium', 'low'))
        .map(([value, confidence]): Finding<T> => found(value, 'Seen.', confidence as 'high')),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Finding<T>>(unknown('It was not seen.'), notTested('It was not asked for.')),
    },
  );
}

const yesOrNo = [true, false];

const workingFamily: fc.Arbitrary<FamilyReport> = fc
  .record({
    translated: anyFinding(yesOrNo),
    mapping: anyFinding<Behavior>(everyBehavior),
    endpointIndependent: fc.constant(unknown('It was not seen.')),
    filtering: anyFinding<Behavior>(everyBehavior),
    stable: anyFinding([true, true, true, false]),
    unsolicitedKeepsMapping: anyFinding([true, true, false]),
    pooling: anyFinding(yesOrNo),
    hairpin: anyFinding(yesOrNo),
    fragments: anyFinding(yesOrNo),
    rewriting: anyFinding(yesOrNo),
    lifetime: anyFinding([
      { aliveAfterSeconds: 4, goneAfterSeconds: 7 },
      { aliveAfterSeconds: 120, goneAfterSeconds: null },
    ]),
  })
  .map((report) => family(report));

/** What one family may be, with addresses of a network that nobody else has. */
export function anyFamily(mapped: string): fc.Arbitrary<FamilyReport> {
  return fc.oneof(
    { weight: 3, arbitrary: workingFamily.map((report) => ({ ...report, mapped: [mapped] })) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('blocked', 'rejected', 'no-address', 'no-route', 'unknown', 'not-tested')
        .map((udp) => noFamily(udp as Parameters<typeof noFamily>[0])),
    },
  );
}

/** What a diagnosis may say of a network with this public address, however odd. */
export function anyDiagnosis(publicAddress: string): fc.Arbitrary<Diagnosis> {
  return fc
    .record({
      ipv4: anyFamily(`${publicAddress}:41234`),
      ipv6: anyFamily('[2001:db8::1]:41234'),
      nat64: anyFinding([{ prefix: '64:ff9b::/96' }]),
      captivePortal: anyFinding(yesOrNo.map((captured) => ({ captured }))),
      gateway: anyFinding([
        { address: '192.168.1.1', protocol: 'pcp', wanAddress: publicAddress, nats: 'one', carrierNat: false } as const,
        {
          address: '192.168.1.1',
          protocol: 'upnp',
          wanAddress: '100.64.0.2',
          nats: 'two-or-more',
          carrierNat: true,
        } as const,
        { address: '192.168.1.1', protocol: null, wanAddress: null, nats: 'unknown', carrierNat: null } as const,
      ]),
      transports: fc.constantFrom(
        [],
        grid({}),
        grid({ 'udp 3478': 'open', 'tcp 443': 'open' }),
        grid({ 'tls 443': 'open', 'tls 5349': 'intercepted' }),
      ),
      interfaces: fc.constantFrom(
        [],
        [{ name: 'wg0', addresses: ['10.8.0.2'], kind: 'vpn', isDefault: true } as const],
        [{ name: 'eth0', addresses: ['192.168.1.2'], kind: 'ethernet', isDefault: true } as const],
      ),
    })
    .map((evidence) => diagnosis(evidence));
}
