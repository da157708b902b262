import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readXml, type XmlElement } from '../../../test/check/read-xml.ts';
import { failedRung, failedWay, quality, report, rung, way } from '../../../test/check/reports.ts';
import { junitXml } from './junit.ts';
import { judgeThresholds } from './thresholds.ts';

const url = 'turn:turn.example.org?transport=tcp';

/** Also such as are half a character only. */
const anyCharacters = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff })), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));

function casesOf({ children }: XmlElement): Readonly<Record<string, XmlElement>> {
  return Object.fromEntries(
    children.map((child) => [child.attributes.name!.slice(child.attributes.name!.indexOf(': ') + 2), child]),
  );
}

describe('JUnit XML', () => {
  const full = report(url, {
    passed: false,
    rungs: [
      rung('resolve', { elapsedMs: 1500 }),
      rung('binding', { warnings: [{ code: 'x', cause: 'Slow.', fix: 'Hurry.' }] }),
      failedRung('allocate'),
    ],
    notTested: ['allocate-peer', 'echo'],
    thresholds: judgeThresholds(
      [
        { name: 'max-rtt', limit: 100 },
        { name: 'max-loss', limit: 0.01 },
      ],
      quality({ lossFraction: 0.05 }),
    ),
    security: {
      safe: false,
      findings: [
        { subject: 'anonymous-relay', state: 'safe', detail: 'credentials are asked for', facts: {} },
        {
          subject: 'forbidden-peer',
          state: 'unsafe',
          detail: '127.0.0.1: relays there',
          facts: {},
          advice: { code: 'relays_to_loopback', cause: 'Strangers reach it.', fix: 'Deny it.' },
        },
        { subject: 'forbidden-tcp-peer', state: 'not-tested', detail: '127.0.0.1: not offered', facts: {} },
      ],
    },
    alternatives: [
      way('turn:a'),
      failedWay('turns:a'),
      failedWay('turns:a:443', { notOffered: 'nothing listens there' }),
    ],
  });

  it('has a suite for each URL, and counts what is in it', () => {
    const root = readXml(junitXml([full]));
    expect(root.name).toBe('testsuites');
    expect(root.children.map(({ attributes }) => attributes.name)).toEqual([url, 'turn:a', 'turns:a', 'turns:a:443']);
    for (const suite of root.children) {
      const of = (name: string) => suite.children.filter(({ children }) => children[0]?.name === name).length;
      expect(suite.attributes).toMatchObject({
        tests: String(suite.children.length),
        failures: String(of('failure')),
        skipped: String(of('skipped')),
        errors: '0',
        timestamp: '2026-11-23T12:00:00',
      });
    }
    expect(root.attributes).toMatchObject({ tests: '16', failures: '4', errors: '0' });
    expect(root.children[0]!.attributes.time).toBe('1.524');
  });

  it('has a case for each step, threshold and finding', () => {
    const cases = casesOf(readXml(junitXml([full])).children[0]!);
    expect(Object.keys(cases)).toEqual([
      'resolve',
      'binding',
      'allocate',
      'second allocation',
      'echo',
      '--max-rtt',
      '--max-loss',
      'security, anonymous relay',
      'security, forbidden peer 127.0.0.1',
      'security, forbidden tcp peer 127.0.0.1',
    ]);
    expect(cases.resolve!.attributes).toMatchObject({ classname: 'taciturn.check', time: '1.500' });
    expect(cases.binding!.children[0]).toMatchObject({ name: 'system-out', text: 'fine\ncause: Slow.\nfix: Hurry.' });
    expect(cases.allocate!.children[0]).toMatchObject({
      name: 'failure',
      attributes: { message: 'This is why.', type: 'wrong_secret' },
      text: '401\ncause: This is why.\nfix: Do this.',
    });
    expect(cases.echo!.children[0]).toMatchObject({ name: 'skipped' });
    expect(cases['--max-loss']!.children[0]).toMatchObject({
      name: 'failure',
      attributes: { message: 'loss 5.0 %, at most 1.0 %', type: 'threshold_broken' },
    });
    expect(cases['security, forbidden peer 127.0.0.1']!.children[0]!.attributes.type).toBe('relays_to_loopback');
    expect(cases['security, forbidden tcp peer 127.0.0.1']!.children[0]!.name).toBe('skipped');
  });

  it('tells each case from all others by class and name, as CI systems do', () => {
    const cases = readXml(junitXml([full])).children.flatMap(({ children }) => children);
    const names = cases.map(({ attributes }) => `${attributes.classname} ${attributes.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('tells findings apart that are called the same', () => {
    const finding = { subject: 'amplification', state: 'safe', detail: 'small', facts: {} } as const;
    const [suite] = readXml(
      junitXml([report(url, { rungs: [], security: { safe: true, findings: [finding, finding] } })]),
    ).children;
    expect(Object.keys(casesOf(suite!))).toEqual(['security, amplification', 'security, amplification (2)']);
  });

  it('is well-formed whatever a server says, and keeps what can be kept', () => {
    fc.assert(
      fc.property(anyCharacters, (text) => {
        const odd = report(text, {
          rungs: [rung('resolve', { detail: text }), { ...failedRung('allocate'), detail: text }],
        });
        expect(() => readXml(junitXml([odd]))).not.toThrow();
      }),
    );
    const detail = 'a\u0000b\u001b[31m <"&\'> \ud800 \u{1f600} ü';
    const [suite] = readXml(junitXml([report('turn:a', { rungs: [rung('resolve', { detail })] })])).children;
    expect(suite!.children[0]!.children[0]!.text).toBe('ab[31m <"&\'>  \u{1f600} ü');
  });
});
