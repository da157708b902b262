import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { diagnosis, samples } from '../../test/nat/sample-diagnoses.ts';
import type { Diagnosis } from '../nat/report.ts';
import type { CommandContext } from './command-context.ts';
import { renderDiagnosis, renderDiagnosisJson } from './render-diagnosis.ts';

function output(terminal?: { readonly columns?: number; readonly environment?: Record<string, string> }) {
  const chunks: string[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const isTTY = terminal === undefined ? {} : { isTTY: true, columns: terminal.columns };
  const context = {
    environment: terminal?.environment ?? {},
    streams: { stdout: Object.assign(stdout, isTTY) },
  } as unknown as CommandContext;
  return { context, text: () => chunks.join('') };
}

function rendered(one: Diagnosis, terminal?: Parameters<typeof output>[0]): string {
  const { context, text } = output(terminal);
  renderDiagnosis(one, context);
  return text();
}

describe('the report', () => {
  it.each(Object.entries(samples))(
    'of %s begins with the verdict in one line, then reasons, advice, evidence',
    (_name, make) => {
      const one = make();
      const lines = rendered(one).split('\n');
      expect(lines[0]).toBe(one.verdict.sentence);
      const headings = lines.filter((line) => /^(Why|What to do|How calls connect|Evidence)/.test(line));
      expect(headings[0]).toBe('Why');
      expect(headings.at(-1)).toBe('Evidence (2027-01-15 08:00:00 UTC, 5.8 s)');
      expect(lines.filter((line) => line.length > 100)).toEqual([]);
      expect(rendered(one)).not.toMatch(/undefined|null|NaN|\[object/);
    },
  );

  it('shows what was found with its confidence, its time and what was seen', () => {
    expect(rendered(samples['port-restricted cone']!())).toMatch(
      /^ {2}mapping +endpoint-independent +high +98 ms {2}Four servers and ports saw the same$/m,
    );
  });

  it('says of what is not known why, once for all that has the same reason', () => {
    const text = rendered(samples['symmetric, IPv6 open']!());
    expect(text).toContain('  - IPv4 hairpin, IPv6 hairpin: not tested. Only with --hairpin.\n');
    expect(text).not.toMatch(/hairpin +no/);
  });

  it('shows what gets through by port, and what is odd about it', () => {
    const text = rendered(samples['login page']!());
    expect(text).toMatch(/^ +3478 +5349 +443 +80$/m);
    expect(text).toMatch(/^ {2}TLS IPv4 +no answer +no answer +intercepted +no answer$/m);
    expect(text).toContain('  - TLS stun.example.org port 443: The certificate is of "Office Proxy CA".');
  });

  it('shows the best of several servers', () => {
    const one = { family: 'ipv4', transport: 'tcp', port: 3478, detail: '' } as const;
    const transports = [
      { ...one, server: 'a', outcome: 'rejected', elapsedMs: 3 },
      { ...one, server: 'b', outcome: 'open', elapsedMs: 40 },
      { ...one, server: 'c', outcome: 'open', elapsedMs: 20 },
    ] as const;
    expect(rendered(diagnosis({ transports }))).toMatch(/^ {2}TCP IPv4 +open 20 ms$/m);
  });

  it('is as narrow as the terminal', () => {
    const text = rendered(samples['carrier NAT']!(), { columns: 72, environment: { NO_COLOR: '1' } });
    const table = text.split('\n').filter((line) => !/^ +(TCP|UDP|TLS) IPv4|^ +3478/.test(line));
    expect(table.filter((line) => line.length > 72)).toEqual([]);
  });

  it('has colours on a terminal only, and not with NO_COLOR', () => {
    const one = samples.symmetric!();
    expect(rendered(one, { columns: 100 })).toContain('\x1b[31m');
    expect(rendered(one, { columns: 100, environment: { NO_COLOR: '1' } })).not.toContain('\x1b');
    expect(rendered(one)).not.toContain('\x1b');
  });

  it('shows nothing from outside that would move the cursor', () => {
    const interfaces = [{ name: 'eth\x1b[2J', addresses: ['192.168.1.2'], kind: 'ethernet', isDefault: true } as const];
    expect(rendered(diagnosis({ interfaces }))).toContain('eth\ufffd[2J: ethernet');
  });

  it('is the whole diagnosis with --json', () => {
    const { context, text } = output();
    renderDiagnosisJson(diagnosis(), context);
    expect(JSON.parse(text())).toEqual(diagnosis());
  });
});
