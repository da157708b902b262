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
  samples,
  strict,
  untranslated,
} from '../../../test/nat/sample-diagnoses.ts';
import type { Behavior } from '../behavior.ts';
import { unknown } from '../finding.ts';
import type { FamilyReport, Verdict } from '../report.ts';
import { diagnosisExitCode } from './verdict.ts';

const verdict = (ipv4: FamilyReport, ipv6 = noFamily('no-address')) => diagnosis({ ipv4, ipv6 }).verdict;
const relayBehind = (mapping: Behavior | undefined, filtering: Behavior | undefined) =>
  verdict(behind(mapping, filtering)).relay;

describe('the verdict on one network', () => {
  it.each<[Behavior | undefined, Behavior | undefined, Verdict['relay']]>([
    [independent, independent, 'not-needed'],
    [independent, addressDependent, 'not-needed'],
    [independent, strict, 'sometimes'],
    [addressDependent, independent, 'needed'],
    [addressDependent, addressDependent, 'needed'],
    [addressDependent, strict, 'needed'],
    [strict, independent, 'needed'],
    [strict, addressDependent, 'needed'],
    [strict, strict, 'needed'],
    // Towards a usual router the mapping alone decides it.
    [independent, undefined, 'sometimes'],
    [addressDependent, undefined, 'needed'],
    [strict, undefined, 'needed'],
    [undefined, independent, 'unknown'],
    [undefined, addressDependent, 'unknown'],
    [undefined, strict, 'unknown'],
    [undefined, undefined, 'unknown'],
  ])('mapping %s, filtering %s: relay %s', (mapping, filtering, expected) => {
    expect(relayBehind(mapping, filtering)).toBe(expected);
  });

  it('says towards whom, and does not claim what hangs on what is unknown', () => {
    expect(verdict(behind(independent, strict)).peers).toEqual({
      public: 'direct',
      'full-cone': 'direct',
      'restricted-cone': 'direct',
      'port-restricted-cone': 'direct',
      symmetric: 'relay',
    });
    expect(verdict(behind(strict, strict)).peers).toMatchObject({
      'restricted-cone': 'direct',
      'port-restricted-cone': 'relay',
    });
    expect(verdict(behind(independent, undefined)).peers.symmetric).toBe('uncertain');
    expect(verdict(behind(independent, undefined)).confidence).toBe('medium');
  });

  it('knows that a relay is needed when only that the mapping depends on the peer is known', () => {
    const report = behind(undefined, undefined, { endpointIndependent: found(false) });
    expect(verdict(report)).toMatchObject({ relay: 'needed', confidence: 'high' });
  });

  it('is as sure as what it rests on', () => {
    const report = behind(independent, strict, { mapping: found(independent, 'Two saw the same.', 'medium') });
    expect(verdict(report).confidence).toBe('medium');
    expect(verdict(behind(strict, undefined)).confidence).toBe('high');
    expect(verdict(noFamily('blocked')).confidence).toBe('medium');
  });

  it.each(everyBehavior)('no NAT needs no more than a firewall with filtering %s makes necessary', (filtering) => {
    const expected = filtering === strict ? 'sometimes' : 'not-needed';
    expect(verdict(untranslated('203.0.113.5', filtering)).relay).toBe(expected);
  });

  it('leaves a port that unsolicited packets take to chance, where the other side is as strict', () => {
    const losing = behind(independent, strict, { unsolicitedKeepsMapping: found(false) });
    expect(verdict(losing)).toMatchObject({
      relay: 'sometimes',
      confidence: 'high',
      sentence: expect.stringContaining('only now and then'),
      peers: { 'restricted-cone': 'direct', 'port-restricted-cone': 'uncertain', symmetric: 'relay' },
    });
    expect(verdict(losing).reasons.join(' ')).toContain('another public port');
    expect(verdict(losing).advice.join(' ')).toMatch(/fall back on.*unasked/);
    expect(verdict(losing, untranslated('2001:db8::2', strict)).sentence).toContain('IPv6');
    const moving = behind(independent, strict, { unsolicitedKeepsMapping: found(false), stable: found(false) });
    expect(verdict(moving).relay).toBe('unknown');
  });

  it('trusts no mapping that changes by itself', () => {
    const report = behind(independent, strict, { stable: found(false) });
    expect(verdict(report)).toMatchObject({ relay: 'unknown' });
    expect(verdict(report).reasons.join(' ')).toContain('changed while it was in use');
  });
});

describe('the verdict on both families', () => {
  const open = untranslated('2001:db8::2', strict);

  it.each<[string, FamilyReport, FamilyReport, Verdict['relay']]>([
    ['a symmetric NAT, and IPv6', behind(strict, strict), open, 'sometimes'],
    ['UDP blocked in IPv4, and IPv6', noFamily('blocked'), open, 'sometimes'],
    ['UDP blocked in both', noFamily('blocked'), noFamily('rejected'), 'needed'],
    ['a symmetric NAT, and IPv6 blocked', behind(strict, strict), noFamily('blocked'), 'needed'],
    ['a cone, and IPv6 blocked', behind(independent, independent), noFamily('blocked'), 'not-needed'],
    ['IPv6 alone, open', noFamily('no-address'), untranslated('2001:db8::2', independent), 'sometimes'],
    ['IPv6 alone, without a route for IPv4', noFamily('no-route'), open, 'sometimes'],
    ['only IPv6 asked for', noFamily('not-tested'), untranslated('2001:db8::2', independent), 'not-needed'],
    ['only IPv4 asked for', behind(strict, strict), noFamily('not-tested'), 'needed'],
    ['IPv4 unknown, and IPv6', noFamily('unknown'), open, 'unknown'],
    ['no network', noFamily('no-address'), noFamily('no-route'), 'unknown'],
    ['nothing asked for', noFamily('not-tested'), noFamily('not-tested'), 'unknown'],
  ])('%s', (_name, ipv4, ipv6, expected) => {
    expect(verdict(ipv4, ipv6).relay).toBe(expected);
  });

  it('waits for the login where there is a login page', () => {
    const captivePortal = found({ captured: true });
    expect(diagnosis({ ipv4: noFamily('blocked'), captivePortal }).verdict).toMatchObject({
      relay: 'unknown',
      sentence: expect.stringMatching(/log in first/),
      advice: [expect.stringMatching(/^Log in/)],
    });
    expect(diagnosis({ ipv4: behind(strict, strict), captivePortal }).verdict.relay).toBe('needed');
  });
});

describe('the advice', () => {
  const advice = (evidence: Parameters<typeof diagnosis>[0]) => diagnosis(evidence).verdict.advice.join('\n');

  it('names the transport and port that get through, the best first', () => {
    expect(diagnosis({ ipv4: behind(strict, strict) }).verdict.relayTransports).toEqual(['udp', 'tcp', 'tls']);
    const blocked = { ipv4: noFamily('blocked') };
    expect(advice({ ...blocked, transports: grid({ 'tls 443': 'open', 'tls 5349': 'open' }) })).toContain(
      'turns:HOST:443',
    );
    expect(advice({ ...blocked, transports: grid({ 'tls 5349': 'open', 'tcp 80': 'open' }) })).toContain(
      'turns:HOST:5349',
    );
    expect(advice({ ...blocked, transports: grid({ 'tcp 80': 'open' }) })).toContain('turn:HOST:80?transport=tcp');
    expect(advice({ ...blocked, transports: grid({}) })).toContain('TLS on port 443');
    expect(advice({ ...blocked, transports: grid({}) })).toContain('allow UDP to port 3478');
  });

  it('never counts an intercepted transport as a way to a relay', () => {
    const { relayTransports } = diagnosis({
      ipv4: noFamily('blocked'),
      transports: grid({ 'tls 443': 'intercepted' }),
    }).verdict;
    expect(relayTransports).toEqual([]);
  });

  it.each([
    [4, 2],
    [20, 10],
    [1, 1],
  ])('of a mapping that lives %d s is a keepalive every %d s', (aliveAfterSeconds, seconds) => {
    const lifetime = found({ aliveAfterSeconds, goneAfterSeconds: aliveAfterSeconds + 3 });
    expect(advice({ ipv4: behind(independent, strict, { lifetime }) })).toContain(`keepalive every ${seconds} s`);
  });

  it('leaves the keepalive of ICE where it is enough', () => {
    const lifetime = found({ aliveAfterSeconds: 120, goneAfterSeconds: null });
    expect(advice({ ipv4: behind(independent, strict, { lifetime }) })).toMatch(/every 60 s.*is enough/);
  });

  it('tells of what is odd, and only then', () => {
    const odd = samples['VPN, unstable, pooled, fragments lost, ALG']!().verdict.advice.join('\n');
    for (const what of ['VPN', 'Restart ICE', 'pool', '1232 bytes', 'ALG', 'local addresses'])
      expect(odd).toContain(what);
    expect(samples['full cone']!().verdict.advice).toEqual([]);
  });

  it('sends those behind a carrier to the provider, and those behind two routers to their own', () => {
    expect(samples['carrier NAT']!().verdict.advice.join('\n')).toContain('ask for a public IPv4 address');
    const gateway = found({
      address: null,
      protocol: 'pcp',
      wanAddress: '192.168.0.2',
      nats: 'two-or-more',
      carrierNat: false,
    } as const);
    expect(advice({ gateway })).toContain('bridge mode');
  });

  it('asks for a better server where the filtering was not to be tested', () => {
    expect(samples['server ignores CHANGE-REQUEST']!().verdict.advice.join('\n')).toContain('RFC 5780');
  });
});

describe('any evidence', () => {
  it('makes a verdict that claims nothing it cannot know', () => {
    fc.assert(
      fc.property(anyDiagnosis('203.0.113.1'), (one) => {
        const { relay, peers } = one.verdict;
        const works = [one.ipv4, one.ipv6].filter(({ udp }) => udp.state === 'found' && udp.value === 'works');
        const known = works.filter(({ mapping, translated }) => {
          return mapping.state === 'found' || (translated.state === 'found' && !translated.value);
        });
        if (relay === 'not-needed') {
          expect(known.filter(({ filtering }) => filtering.state === 'found')).not.toEqual([]);
          expect(Object.values(peers)).toEqual(Object.values(peers).map(() => 'direct'));
        }
        if (relay === 'sometimes') expect(known).not.toEqual([]);
        if (relay === 'needed') expect(peers['port-restricted-cone']).toBe('relay');
        if (relay === 'unknown') expect(one.verdict.confidence).toBe('low');
      }),
      { numRuns: 500 },
    );
  });

  it('is told in plain sentences, the verdict in one line', () => {
    fc.assert(
      fc.property(anyDiagnosis('203.0.113.1'), ({ verdict: { sentence, reasons, advice } }) => {
        expect(sentence.length).toBeLessThanOrEqual(100);
        for (const text of [sentence, ...reasons, ...advice]) {
          expect(text).toMatch(/^[A-Z].*[.)]$/);
          expect(text).not.toMatch(/undefined|null|NaN|\[object|\.\./);
        }
        expect(new Set(advice).size).toBe(advice.length);
      }),
      { numRuns: 500 },
    );
  });
});

it('the exit code follows the verdict', () => {
  const codes = (['not-needed', 'sometimes', 'needed', 'unknown'] as const).map((relay) =>
    diagnosisExitCode({ relay }),
  );
  expect(codes).toEqual([0, 0, 1, 3]);
});

it('names nothing that was not found', () => {
  const ipv4 = behind(independent, strict, { fragments: unknown('x'), rewriting: unknown('x'), pooling: unknown('x') });
  const { reasons, advice } = diagnosis({ ipv4 }).verdict;
  expect([...reasons, ...advice].join('\n')).not.toMatch(/piece|ALG|pool/);
});
