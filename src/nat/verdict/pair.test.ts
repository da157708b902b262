import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyDiagnosis } from '../../../test/nat/arbitrary-diagnosis.ts';
import {
  addressDependent,
  behind,
  diagnosis,
  everyBehavior,
  found,
  grid,
  independent,
  noFamily,
  strict,
  untranslated,
} from '../../../test/nat/sample-diagnoses.ts';
import type { Behavior } from '../behavior.ts';
import { unknown } from '../finding.ts';
import type { Diagnosis, FamilyReport, GatewayReport } from '../report.ts';
import { canPunch } from './hole-punching.ts';
import { pair, pairExitCode } from './pair.ts';
import type { Outcome } from './peer-reach.ts';

const nobody = noFamily('no-address');
const all = everyBehavior.flatMap((mapping) => everyBehavior.map((filtering) => ({ mapping, filtering })));

/** Alice and Bob are in different places unless `more` says otherwise. */
function alice(ipv4: FamilyReport, ipv6 = nobody, more: Partial<Diagnosis> = {}): Diagnosis {
  return diagnosis({ ipv4: { ...ipv4, mapped: ['203.0.113.1:41234'] }, ipv6, interfaces: [], ...more });
}
function bob(ipv4: FamilyReport, ipv6 = nobody, more: Partial<Diagnosis> = {}): Diagnosis {
  return diagnosis({
    ipv4: { ...ipv4, mapped: ['198.51.100.7:50000'], local: '10.0.0.7' },
    ipv6,
    interfaces: [],
    ...more,
  });
}

describe('two networks', () => {
  const rows: [Behavior, Behavior][] = all.map(({ mapping, filtering }) => [mapping, filtering]);

  it.each(rows)('mapping %s and filtering %s connect with any other as the table says', (mapping, filtering) => {
    for (const other of all) {
      const { result, families } = pair(alice(behind(mapping, filtering)), bob(behind(other.mapping, other.filtering)));
      const expected = canPunch({ mapping, filtering }, other) ? 'direct' : 'relay';
      expect({ other, result }).toEqual({ other, result: expected });
      expect(families).toEqual({ ipv4: expected, ipv6: 'none' });
    }
  });

  const cells: [string, [Behavior, Behavior], [Behavior, Behavior], Outcome][] = [
    ['two port-restricted cones', [independent, strict], [independent, strict], 'direct'],
    ['port-restricted and symmetric', [independent, strict], [strict, strict], 'relay'],
    ['restricted and symmetric', [independent, addressDependent], [strict, strict], 'direct'],
    ['full cone and symmetric', [independent, independent], [strict, strict], 'direct'],
    ['two symmetric', [strict, strict], [strict, strict], 'relay'],
    [
      'address-dependent mapping and port-restricted',
      [addressDependent, addressDependent],
      [independent, strict],
      'relay',
    ],
  ];
  it.each(cells)('%s', (_name, a, b, expected) => {
    const verdict = pair(alice(behind(...a)), bob(behind(...b)));
    expect(verdict).toMatchObject({ result: expected, confidence: 'high' });
  });

  it('are uncertain only where what is not known matters', () => {
    const open = behind(independent, undefined);
    expect(pair(alice(open), bob(behind(independent, strict))).result).toBe('direct');
    expect(pair(alice(open), bob(behind(independent, strict))).confidence).toBe('medium');
    expect(pair(alice(open), bob(behind(strict, strict))).result).toBe('uncertain');
    expect(pair(alice(behind(undefined, undefined)), bob(behind(independent, independent))).result).toBe('direct');
    expect(pair(alice(behind(undefined, undefined)), bob(behind(independent, strict))).result).toBe('uncertain');
    expect(pair(alice(behind(strict, undefined)), bob(behind(strict, strict))).result).toBe('relay');
  });

  it('tell by which of the two it is decided', () => {
    const { reasons } = pair(alice(behind(independent, undefined)), bob(behind(strict, strict)));
    expect(reasons[0]).toBe('IPv4: it depends on the filtering of A, which is not known well enough.');
    const relay = pair(alice(behind(independent, strict)), bob(behind(strict, strict))).reasons;
    expect(relay[0]).toBe('IPv4: B comes from another port than was told, and A lets in only the one that was told.');
    expect(relay.slice(1)).toEqual([
      'IPv4: A has endpoint-independent mapping, address-and-port-dependent filtering (port-restricted cone).',
      'IPv4: B has address-and-port-dependent mapping, address-and-port-dependent filtering (symmetric).',
      'IPv6: A and B do not have it.',
    ]);
  });

  it('are left to chance, or need a relay, where unsolicited packets take a port', () => {
    const losing = behind(independent, strict, { unsolicitedKeepsMapping: found(false) });
    const usual = behind(independent, strict);
    const chance = pair(alice(usual), bob(losing));
    expect(chance).toMatchObject({ result: 'uncertain', families: { ipv4: 'uncertain' } });
    expect(chance.reasons[0]).toContain('it works only when B is first');
    expect(chance.advice[1]).toContain('the router of B');
    expect(chance.advice).toHaveLength(2);
    expect(pair(alice(losing), bob(untranslated('198.51.100.7', strict))).result).toBe('uncertain');
    const both = pair(alice(losing), bob(losing));
    expect(both).toMatchObject({ result: 'relay', confidence: 'high' });
    expect(both.reasons[0]).toContain('the first packet that comes to either');
    expect(pair(alice(losing), bob(behind(independent, addressDependent))).result).toBe('direct');
    expect(pair(alice(losing), bob(behind(strict, strict))).result).toBe('relay');
    expect(pair(alice({ ...usual, unsolicitedKeepsMapping: unknown('No.') }), bob(usual)).result).toBe('direct');
  });

  it('are less sure of a mapping that changes, of a pool of addresses, and of NATs that nobody has', () => {
    const moving = behind(independent, strict, { stable: found(false) });
    expect(pair(alice(moving), bob(behind(independent, strict))).result).toBe('uncertain');
    expect(pair(alice(moving), bob(behind(independent, independent))).result).toBe('direct');
    const pooled = behind(strict, strict, { pooling: found(true) });
    expect(pair(alice(pooled), bob(behind(independent, addressDependent))).result).toBe('uncertain');
    const rare = pair(alice(behind(strict, independent)), bob(behind(independent, addressDependent)));
    expect(rare).toMatchObject({ result: 'direct', confidence: 'medium' });
  });
});

describe('what overrides the table', () => {
  const cone = behind(independent, independent);
  const open6 = (local: string) => untranslated(local, strict);

  it.each(['blocked', 'rejected'] as const)('UDP %s on either side needs a relay', (udp) => {
    const closed = noFamily(udp);
    const transports = grid({ 'tls 443': 'open' });
    const verdict = pair(diagnosis({ ipv4: closed, transports }), bob(cone));
    expect(verdict.result).toBe('relay');
    expect(verdict.advice[0]).toContain('from A over TLS on port 443, from B over UDP');
    expect(pair(alice(cone), diagnosis({ ipv4: closed })).result).toBe('relay');
  });

  it('IPv6 on both sides connects them', () => {
    const symmetric = behind(strict, strict);
    const verdict = pair(alice(symmetric, open6('2001:db8:a::2')), bob(symmetric, open6('2001:db8:b::2')));
    expect(verdict).toMatchObject({ result: 'direct', families: { ipv4: 'relay', ipv6: 'direct' } });
    expect(verdict.reasons[0]).toMatch(/^IPv6: /);
    expect(pair(alice(symmetric, open6('2001:db8:a::2')), bob(symmetric)).result).toBe('relay');
    expect(pair(alice(symmetric, open6('2001:db8:a::2')), bob(symmetric, noFamily('blocked'))).result).toBe('relay');
  });

  it('no family in common needs a relay, which has both', () => {
    expect(pair(alice(cone), diagnosis({ ipv4: nobody, ipv6: open6('2001:db8:b::2') })).result).toBe('relay');
  });

  it('IPv4 through a NAT64 is uncertain', () => {
    const nat64 = found({ prefix: '64:ff9b::/96' });
    const only6 = diagnosis({ ipv4: nobody, ipv6: open6('2001:db8:b::2'), nat64 });
    expect(pair(alice(cone), only6).result).toBe('uncertain');
    expect(pair(alice(noFamily('blocked')), only6).result).toBe('relay');
    expect(pair(only6, diagnosis({ ipv4: nobody, ipv6: open6('2001:db8:c::2'), nat64 })).result).toBe('direct');
  });

  it('a network that was not tested, or is not there, makes it uncertain', () => {
    expect(pair(alice(cone), diagnosis({ ipv4: noFamily('unknown') })).result).toBe('uncertain');
    expect(pair(alice(cone), diagnosis({ ipv4: noFamily('not-tested'), ipv6: nobody })).result).toBe('uncertain');
    expect(pair(alice(cone), diagnosis({ ipv4: nobody, ipv6: nobody })).result).toBe('uncertain');
  });
});

describe('two behind one public address', () => {
  const strictCone = behind(independent, strict);
  const at = (local: string, more: Partial<FamilyReport> = {}, gateway?: Partial<GatewayReport>) =>
    diagnosis({
      ipv4: { ...strictCone, local, ...more },
      interfaces: [],
      ...(gateway && {
        gateway: found({
          address: null,
          protocol: 'pcp',
          wanAddress: null,
          nats: 'unknown',
          carrierNat: null,
          ...gateway,
        }),
      }),
    });
  const carrier = (wanAddress: string) => ({ wanAddress, nats: 'two-or-more', carrierNat: true }) as const;

  it('of one network reach each other there', () => {
    const { result, confidence, reasons } = pair(at('192.168.1.2:40000'), at('192.168.1.3:40000'));
    expect({ result, confidence }).toEqual({ result: 'direct', confidence: 'medium' });
    expect(reasons[0]).toContain('local addresses');
    const home = { wanAddress: '203.0.113.1', nats: 'one', carrierNat: false } as const;
    expect(pair(at('192.168.1.2', {}, home), at('192.168.2.9', {}, home))).toMatchObject({
      result: 'direct',
      confidence: 'high',
    });
  });

  it('of one link reach each other there, whatever the NAT', () => {
    const link = (ip: string, mapped: string) =>
      diagnosis({
        ipv4: { ...behind(strict, strict), mapped: [mapped] },
        interfaces: [{ name: 'en0', addresses: ['fe80::1%en0', `${ip}/64`], kind: 'wireless', isDefault: true }],
      });
    const near = pair(link('2001:db8:a::2', '203.0.113.1:1'), link('2001:db8:a::3', '198.51.100.1:1'));
    expect(near).toMatchObject({ result: 'direct', families: { ipv4: 'direct', ipv6: 'none' } });
    expect(pair(link('2001:db8:a::2', '203.0.113.1:1'), link('2001:db8:b::3', '198.51.100.1:1')).result).toBe('relay');
    expect(pair(link('fd00::2', '203.0.113.1:1'), link('fd00::3', '198.51.100.1:1')).result).toBe('relay');
  });

  it('of a carrier are in different places, although their local addresses are alike', () => {
    const [one, other] = [at('192.168.1.2', {}, carrier('100.64.0.2')), at('192.168.1.2', {}, carrier('100.64.0.3'))];
    expect(pair(one, other).result).toBe('uncertain');
    expect(pair(at('192.168.1.2', {}, carrier('100.64.0.2')), at('192.168.1.3')).result).toBe('uncertain');
  });

  it('need a NAT that turns packets around', () => {
    const [yes, no] = [{ hairpin: found(true) }, { hairpin: found(false) }];
    expect(pair(at('192.168.1.2', yes), at('192.168.7.2')).result).toBe('direct');
    expect(pair(at('192.168.1.2', no), at('192.168.7.2')).result).toBe('uncertain');
    expect(pair(at('192.168.1.2'), at('192.168.7.2')).result).toBe('uncertain');
    const closed = [
      at('192.168.1.2', no, carrier('100.64.0.2')),
      at('192.168.1.2', no, carrier('100.64.0.3')),
    ] as const;
    expect(pair(...closed).result).toBe('relay');
  });

  it('and at one local address are one machine, and stand for two networks of a kind', () => {
    const symmetric = diagnosis({ ipv4: behind(strict, strict), interfaces: [] });
    expect(pair(symmetric, symmetric)).toMatchObject({ result: 'relay', confidence: 'high' });
    expect(pair(symmetric, symmetric).reasons.join('\n')).toContain('two networks that are like it');
    const host = diagnosis({ ipv4: untranslated('203.0.113.5', strict), interfaces: [] });
    expect(pair(host, host)).toMatchObject({ result: 'direct', confidence: 'high' });
  });
});

describe('any two diagnoses', () => {
  it.each(['198.51.100.7', '203.0.113.1'])('come to one result, whichever is first (%s)', (second) => {
    fc.assert(
      fc.property(anyDiagnosis('203.0.113.1'), anyDiagnosis(second), (a, b) => {
        const [one, other] = [pair(a, b), pair(b, a)];
        expect([one.result, one.confidence, one.families]).toEqual([other.result, other.confidence, other.families]);
        expect(one.reasons.length).toBeGreaterThan(0);
        for (const text of [one.sentence, ...one.reasons, ...one.advice]) {
          expect(text).toMatch(/^[A-Z].*\.$/);
          expect(text).not.toMatch(/undefined|null|\[object|\.\./);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are never said to be direct where both know nothing of their mapping', () => {
    const blind = alice(behind(undefined, undefined));
    expect(pair(blind, bob(behind(undefined, undefined))).result).toBe('uncertain');
  });
});

it('the exit code follows the result', () => {
  const codes = (['direct', 'relay', 'uncertain'] as const).map((result) => pairExitCode({ result }));
  expect(codes).toEqual([0, 1, 3]);
});
