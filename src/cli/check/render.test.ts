import { describe, expect, it } from 'vitest';
import { failedRung, failedWay, quality, report, rung, way } from '../../../test/check/reports.ts';
import { terminal } from '../../../test/check/terminal.ts';
import type { Advice } from '../../ladder/advice.ts';
import { renderReport, renderRung } from './render.ts';
import { renderRound } from './render-round.ts';
import type { CheckReport } from './report.ts';
import { judgeThresholds } from './thresholds.ts';
import { verdictOf } from './verdict.ts';

const url = 'turn:turn.example.org';
const warning: Advice = { code: 'x', cause: 'This is why.', fix: 'Do this.' };

describe('a step on the terminal', () => {
  const passed = rung('allocate', { detail: 'relayed 203.0.113.5:51234' });

  it('is one line when it passes', () => {
    const { context, stdout } = terminal();
    renderRung(passed, context);
    expect(stdout.text()).toBe('✓ allocate             12 ms  relayed 203.0.113.5:51234\n');
  });

  it('has cause and fix below it when it fails, and a note when it passes with reservations', () => {
    const { context, stdout } = terminal();
    renderRung(failedRung('allocate'), context);
    renderRung({ ...passed, warnings: [warning] }, context);
    expect(stdout.text()).toContain('\n    cause  This is why.\n    fix    Do this.\n');
    expect(stdout.text()).toContain('\n    note   This is why.\n    fix    Do this.\n');
  });

  it('is broken into lines that fit, and cannot write to the terminal otherwise', () => {
    const { context, stdout } = terminal({ tty: true, environment: { NO_COLOR: '1' } });
    Object.assign(context.streams.stdout, { columns: 60 });
    const long = 'The certificate of \x1b[2Jevil.example is for somebody else, and so it is not taken by anybody here.';
    renderRung({ ...failedRung('tls'), detail: 'a\x1bb', problem: { ...warning, cause: long } }, context);
    const lines = stdout.text().trimEnd().split('\n');
    expect(lines.every((line) => line.length <= 60)).toBe(true);
    expect(lines[2]).toMatch(/^ {11}\S/);
    expect(stdout.text()).not.toContain('\x1b');
  });

  it('is coloured on a terminal, and not with NO_COLOR', () => {
    const coloured = terminal({ tty: true });
    renderRung(passed, coloured.context);
    expect(coloured.stdout.text()).toContain('\x1b[32m✓');
    const plain = terminal({ tty: true, environment: { NO_COLOR: '1' } });
    renderRung(passed, plain.context);
    expect(plain.stdout.text()).not.toContain('\x1b');
  });
});

describe('a check on the terminal', () => {
  const shown = (checked: CheckReport) => {
    const { context, stdout } = terminal();
    renderReport(checked, context);
    return stdout.text();
  };
  const verdict = (checked: CheckReport) => shown(checked).trimEnd().split('\n').at(-1);

  it('says what was not tested, and at which step it fails', () => {
    const failed = { ...failedWay(url), passed: false, notTested: ['allocate-peer', 'permission'] as const };
    expect(shown(report(url, failed))).toBe(
      `  not tested: second allocation, permission\n\n${url} does not work: it fails at the step "allocate".\n`,
    );
  });

  it('says that it relays, and sends to the notes where there are some', () => {
    expect(verdict(report(url))).toBe(`${url} relays.`);
    expect(verdict(report(url, { rungs: [rung('echo', { warnings: [warning] })] }))).toBe(
      `${url} relays, but read the notes above.`,
    );
    expect(verdict(report('stun:a'))).toBe('stun:a answers.');
    const inside = [rung('echo', { facts: { reachableFromHere: false } })];
    expect(verdictOf(report(url, { rungs: inside }))).toMatch(/relays between its own clients, but peers elsewhere/);
  });

  it('says when credential and certificate end', () => {
    const ends = { credentialExpiresAt: '2027-01-15T08:10:00Z', certificateExpiresAt: '2027-02-01T00:00:00.000Z' };
    expect(shown(report(url, ends))).toContain(
      '  the credential ends at 2027-01-15T08:10:00Z, the certificate ends at 2027-02-01T00:00:00.000Z\n',
    );
  });

  it('shows the quality before the verdict', () => {
    const text = shown(report(url, { quality: quality() }));
    expect(text).toMatch(/round trip +41 ms/);
    expect(text.indexOf('round trip')).toBeLessThan(text.indexOf(`${url} relays.`));
  });

  it('holds thresholds against it, and names in the verdict those that are broken', () => {
    const measured = quality({ p50: 120, lossFraction: 0.02 });
    const thresholds = judgeThresholds(
      [
        { name: 'max-rtt', limit: 100 },
        { name: 'max-loss', limit: 0.01 },
        { name: 'min-bitrate', limit: 2_000_000 },
      ],
      measured,
    );
    const text = shown(report(url, { passed: false, quality: measured, thresholds }));
    expect(text).toContain(
      '\n✗ RTT 120 ms, at most 100 ms\n✗ loss 2.0 %, at most 1.0 %\n✓ bandwidth 4.8 Mbit/s, at least',
    );
    expect(text).toContain(
      `${url} relays, but its round trip is not within --max-rtt and its loss is not within --max-loss.\n`,
    );
  });

  it('has a line for each other way, and says which is best', () => {
    const text = shown(
      report(url, {
        passed: false,
        alternatives: [
          way('turn:a?transport=tcp', { quality: quality() }),
          failedWay('turns:a'),
          failedWay('turns:a:443', { notOffered: 'nothing listens there' }),
        ],
        best: url,
        bestBecause: 'it has the shortest round trip',
      }),
    );
    expect(text).toContain('\nOther ways\n✓ turn:a?transport=tcp  round trip 41 ms');
    expect(text).toContain('\n✗ turns:a  allocate: 401\n    cause  This is why.\n    fix    Do this.\n');
    expect(text).toContain('\n- turns:a:443  not offered: nothing listens there\n');
    expect(text).toContain(`\nBest: ${url}, because it has the shortest round trip.\n`);
    expect(text).toContain(`${url} relays, but turns:a does not.\n`);
  });

  it('says that a server is not safe, whatever else is well', () => {
    const security = {
      safe: false,
      findings: [{ subject: 'anonymous-relay', state: 'unsafe', detail: 'open', facts: {}, advice: warning }],
    } as const;
    expect(verdict(report(url, { passed: false, security }))).toBe(`${url} relays, but it is not safe.`);
  });
});

describe('a round of a watch', () => {
  const shown = (checked: CheckReport, json = false) => {
    const { context, stdout } = terminal();
    renderRound(checked, context, json);
    return stdout.text();
  };

  it('is one line', () => {
    expect(shown(report(url))).toBe(`2026-11-23T12:00:00.000Z ✓ ${url}\n`);
    expect(shown(report(url, { quality: quality() }))).toMatch(/✓ turn:turn\.example\.org {2}round trip 41 ms .*\n$/);
    expect(shown(report(url, { ...failedWay(url), passed: false }))).toBe(
      `2026-11-23T12:00:00.000Z ✗ ${url}  allocate: 401. This is why.\n`,
    );
    const thresholds = judgeThresholds([{ name: 'max-rtt', limit: 1 }], quality());
    expect(shown(report(url, { passed: false, quality: quality(), thresholds }))).toMatch(
      /✗ turn:turn\.example\.org relays, but its round trip is not within --max-rtt\. {2}round trip/,
    );
  });

  it('is one document in one line with --json', () => {
    const text = shown(report(url, { quality: quality() }), true);
    expect(text.trimEnd()).not.toContain('\n');
    expect(JSON.parse(text)).toMatchObject({ schema: 1, url, passed: true, quality: { mos: 4.3 } });
  });
});
