import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyDiagnosis } from '../../test/nat/arbitrary-diagnosis.ts';
import { diagnosis, found, samples } from '../../test/nat/sample-diagnoses.ts';
import { readDiagnosis } from './read-diagnosis.ts';
import { pair } from './verdict/pair.ts';

const refusal = (document: unknown) => {
  const read = readDiagnosis(typeof document === 'string' ? document : JSON.stringify(document));
  return read.ok ? undefined : read.error;
};

describe('reading a diagnosis', () => {
  it.each(Object.entries(samples))('gives back what was written: %s', (_name, make) => {
    expect(readDiagnosis(JSON.stringify(make(), null, 2))).toEqual({ ok: true, value: make() });
  });

  it('takes whatever a diagnosis may say', () => {
    fc.assert(
      fc.property(anyDiagnosis('203.0.113.1'), (one) => {
        expect(readDiagnosis(JSON.stringify(one))).toMatchObject({ ok: true });
      }),
    );
  });

  it('takes what versions wrote that tested less', () => {
    const { unsolicitedKeepsMapping: _, endpointIndependent: __, ...before } = diagnosis().ipv4;
    const read = readDiagnosis(JSON.stringify({ ...diagnosis(), ipv4: before }));
    if (!read.ok) throw new Error(read.error);
    expect(pair(read.value, diagnosis({ ipv4: { ...before, mapped: ['198.51.100.7:1'] } })).result).toBe('direct');
  });

  it('takes a mark of the byte order, and what later versions add', () => {
    expect(readDiagnosis(`\ufeff${JSON.stringify(diagnosis())}`)).toMatchObject({ ok: true });
    expect(refusal({ ...diagnosis(), more: 1 })).toBeUndefined();
  });

  const { ipv4, ipv6 } = diagnosis();
  it.each<[string, unknown, RegExp]>([
    ['an empty file', '', /^It is empty\. Write it with: taciturn diagnose --json > FILE$/],
    ['blanks', ' \n', /empty/],
    ['the report as text', 'Most calls connect directly;', /no JSON document/],
    ['a list', '[]', /JSON, but no diagnosis/],
    ['null', 'null', /JSON, but no diagnosis/],
    ['another command', '{"schema":1,"url":"turn:a"}', /JSON, but no diagnosis/],
    ['an error', '{"schema":1,"error":{"code":"usage","message":"x"}}', /error message of a diagnosis that failed/],
    ['another version', { ...diagnosis(), schema: 2 }, /does not know/],
    ['a missing part', { ...diagnosis(), ipv4: undefined }, /damaged: ipv4 is missing/],
    ['a word that is none', withIpv4({ mapping: found('cone') }), /ipv4\.mapping\.value must be one of/],
    [
      'a state that is none',
      { ...diagnosis(), ipv6: { ...ipv6, udp: { state: 'maybe' } } },
      /ipv6\.udp\.state must be one of/,
    ],
    ['a wrong member of a list', { ...diagnosis(), interfaces: [{ name: 1 }] }, /interfaces\[0\]\.name must be text/],
    ['no list', { ...diagnosis(), transports: {} }, /transports must be a list/],
    ['no number', { ...diagnosis(), elapsedMs: '5' }, /elapsedMs must be a number/],
  ])('refuses %s', (_what, document, reason) => {
    expect(refusal(document)).toMatch(reason);
  });

  function withIpv4(part: object): object {
    return { ...diagnosis(), ipv4: { ...ipv4, ...part } };
  }

  it('gives nothing that the comparison would fall over, whatever is in the file', () => {
    const text = JSON.stringify(diagnosis());
    const broken = fc.tuple(fc.nat(text.length), fc.string({ maxLength: 3 }), fc.nat(40)).map(([at, put, gone]) => {
      return text.slice(0, at) + put + text.slice(at + gone);
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), broken), (content) => {
        const read = readDiagnosis(content);
        if (read.ok) expect(pair(read.value, diagnosis()).result).toBeDefined();
      }),
      { numRuns: 1000 },
    );
  });
});
