/** `taciturn check` for CI and monitoring, against our own daemon: quality, thresholds, all ways, JUnit, watch and metrics. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TransportCheck } from '../../src/cli/check/report.ts';
import type { CheckSummary } from '../../src/cli/check/summary.ts';
import { main } from '../../src/cli/main.ts';
import { readXml } from '../check/read-xml.ts';
import { terminal } from '../check/terminal.ts';
import { CertificateAuthority } from './certificates.ts';
import { RunningProgram, requirePeer, run } from './peers.ts';
import { launcher, sharedSecret, Taciturn } from './taciturn.ts';

const withOpenssl = requirePeer('openssl');
const withPromtool = requirePeer('promtool');
const brief = ['--duration', '1s', '--max-bitrate', '2Mbps'];
const limits = ['--max-rtt', '2s', '--max-loss', '50%', '--min-bitrate', '100kbps'];

let directory: string;
let authority: CertificateAuthority | undefined;
let daemon: Taciturn;
let url: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-monitoring-'));
  if (withOpenssl) authority = new CertificateAuthority();
  const certificate = authority?.issue();
  const tls = certificate
    ? `tls: { certificateFile: ${certificate.certFile}, keyFile: ${certificate.keyFile}, port: 0 }`
    : '';
  daemon = await Taciturn.start(`relay: { peers: { allow: [127.0.0.1] } }\n${tls}`, { listen: ['127.0.0.1'] });
  url = `turn:127.0.0.1:${daemon.port}`;
});

afterAll(async () => {
  await daemon?.stop();
  authority?.remove();
  rmSync(directory, { recursive: true, force: true });
});

async function check(line: readonly string[], environment: Record<string, string> = { TACITURN_SECRET: sharedSecret }) {
  const { context, stdout, stderr } = terminal();
  const code = await main(['check', ...line], environment, context.streams);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

async function checkJson<T = CheckReport>(line: readonly string[], environment?: Record<string, string>) {
  const { code, stdout } = await check([...line, '--json'], environment);
  return { code, report: JSON.parse(stdout) as T };
}

describe('a check with quality', () => {
  it('measures it, and keeps thresholds that are wide', async () => {
    const { code, stdout, stderr } = await check([url, ...brief, ...limits]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^✓ close .*\n\nQuality /m);
    expect(stdout).toMatch(/round trip .*\n.*loss .*\n.*bandwidth /);
    expect(stdout).toMatch(
      /✓ RTT .*, at most 2,000 ms\n✓ loss .*, at most 50.* %\n✓ bandwidth .*, at least 0.10 Mbit\/s\n/,
    );
    expect(stdout.endsWith(`\n${url} relays, but read the notes above.\n`)).toBe(true);
  });

  it('has all of it in one document, and gives the allocations back', async () => {
    const { code, report } = await checkJson([url, ...brief, ...limits]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ schema: 1, url, passed: true, notTested: [] });
    expect(report.quality!.packets.received).toBeGreaterThan(20);
    expect(report.quality!.mos).toBeGreaterThan(1);
    expect(report.thresholds!.map(({ name, kept }) => [name, kept])).toEqual([
      ['max-rtt', true],
      ['max-loss', true],
      ['min-bitrate', true],
    ]);
    expect(await daemon.metric('taciturn_allocations')).toBe(0);
  });

  it('ends with 2 when a threshold is broken, which no machine can keep', async () => {
    const { code, stdout } = await check([
      url,
      ...brief,
      '--max-rtt',
      '1ms',
      '--min-bitrate',
      '1Gbps',
      '--max-bitrate',
      '1Gbps',
    ]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/✗ bandwidth .*, at least 1000 Mbit\/s/);
    expect(stdout).toContain('does not reach --min-bitrate');
  });

  it('is left out with --no-quality', async () => {
    const { code, report } = await checkJson([url, '--no-quality']);
    expect(code).toBe(0);
    expect(report.quality).toBeUndefined();
  });

  it('tells when the credential ends that was given', async () => {
    const { username, credential } = await daemon.issueCredential({ user: 'alice' });
    const line = [url, '--no-quality', '--username', username];
    const { report } = await checkJson(line, { TACITURN_PASSWORD: credential });
    expect(Date.parse(report.credentialExpiresAt!) / 1000).toBe(Number(username.split(':')[0]));
  });
});

describe.skipIf(!withOpenssl)('a check of all ways', () => {
  it('tries UDP, TCP and TLS, measures what works, and names the best', async () => {
    const { code, report } = await checkJson([url, '--all', ...brief, '--ca', authority!.caFile]);
    const outcome = ({ passed, notOffered }: TransportCheck) => notOffered ?? passed;
    const ways = Object.fromEntries(report.alternatives!.map((way) => [way.url, outcome(way)]));
    expect(ways).toMatchObject({
      [`${url}?transport=tcp`]: true,
      [url.replace('turn:', 'turns:')]: true,
    });
    const working = report.alternatives!.filter(({ passed }) => passed);
    expect(working.every(({ quality }) => quality !== undefined && quality.packets.received > 0)).toBe(true);
    expect([url, ...working.map((way) => way.url)]).toContain(report.best);
    expect(report.bestBecause).toMatch(/^it |^all /);
    const secure = working.find((way) => way.url.startsWith('turns:'))!;
    expect(Date.parse(secure.certificateExpiresAt!)).toBeGreaterThan(Date.now());
    // Something else may listen on the usual ports of this machine.
    expect(code).toBe(report.passed ? 0 : 2);
  });

  it('fails when one is offered and its certificate is not trusted', async () => {
    const { code, stdout } = await check([url, '--all', '--no-quality']);
    expect(code).toBe(2);
    expect(stdout).toContain(`✗ turns:127.0.0.1:${daemon.port}  tls: `);
    expect(stdout).toMatch(new RegExp(`\n${url} relays, but .*turns:127\\.0\\.0\\.1:${daemon.port} do(es)? not\\.\n$`));
  });
});

describe('a check with --junit', () => {
  it('writes what CI systems read, when it passes and when it fails', async () => {
    const file = join(directory, 'turn.xml');
    expect((await check([url, ...brief, '--max-loss', '50%', '--junit', file])).code).toBe(0);
    const good = readXml(readFileSync(file, 'utf8'));
    expect(good.attributes).toMatchObject({ tests: '11', failures: '0', errors: '0' });
    expect((await check([url, '--no-quality', '--junit', file], { TACITURN_SECRET: 'some other secret' })).code).toBe(
      2,
    );
    const [suite] = readXml(readFileSync(file, 'utf8')).children;
    expect(suite!.attributes).toMatchObject({ name: url, failures: '1', skipped: '6' });
    const failed = suite!.children.find(({ attributes }) => attributes.name?.endsWith(': allocate'))!;
    expect(failed.children[0]).toMatchObject({ name: 'failure', attributes: { type: 'wrong_secret' } });
  });

  it('says when the file cannot be written, after the verdict', async () => {
    const { code, stdout, stderr } = await check([url, '--no-quality', '--junit', directory]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${url} relays`);
    expect(stderr).toMatch(/--junit .* could not be written \(EISDIR\)/);
  });
});

describe("a check of an app's servers", () => {
  it('takes them from a document', async () => {
    const { iceServers } = await daemon.issueCredential();
    const file = join(directory, 'ice.json');
    writeFileSync(file, JSON.stringify({ iceServers }));
    const line = ['--ice-servers', file, '--no-quality', ...(authority ? ['--ca', authority.caFile] : [])];
    const { code, report } = await checkJson<CheckSummary>(line, {});
    expect({ code, passed: report.passed }).toEqual({ code: 0, passed: true });
    expect(report.checks.length).toBeGreaterThan(1);
    expect(report.checks.every((one) => one.url.startsWith('turn') && one.credentialExpiresAt !== undefined)).toBe(
      true,
    );
    expect(report.checks.map((one) => one.url)).toContain(report.best);
    const { stdout } = await check(line, {});
    expect(stdout).toMatch(/\nAll together\n(✓ turns?:.*\n)+Best: /);
  });

  it('asks a service for them', async () => {
    const line = ['--credentials-url', `${daemon.http}/v1/credentials`, '--no-quality'];
    const trusting = authority ? ['--ca', authority.caFile] : [];
    expect((await check([...line, ...trusting], { TACITURN_API_KEY: daemon.apiKey })).code).toBe(0);
    const refused = await check([...line, '--json'], { TACITURN_API_KEY: 'wrong' });
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.stdout)).toMatchObject({ schema: 1, error: { code: 'credentials_unauthorized' } });
  });

  it.each<[string[], RegExp]>([
    [['--ice-servers', '-'], /leave the URL .* out, or the flag/],
    [['--key-file', 'x'], /--key-file is the key for --credentials-url, which is missing/],
  ])('makes no sense beside a URL: %j', async (flags, reason) => {
    const { code, stderr } = await check([url, ...flags]);
    expect(code).toBe(64);
    expect(stderr).toMatch(reason);
  });

  it.each<[string[], RegExp]>([
    [['--all'], /--all looks for the ways to one server/],
    [['--secret-file', 'x'], /--secret-file is for a URL/],
  ])('makes no sense with %j', async (flags, reason) => {
    const { code, stderr } = await check(['--ice-servers', 'x', ...flags]);
    expect(code).toBe(64);
    expect(stderr).toMatch(reason);
  });
});

describe('a check that goes on', () => {
  const started: RunningProgram[] = [];

  afterAll(() => Promise.all(started.map((program) => program.stop())));

  function watching(...line: readonly string[]): RunningProgram {
    const env = { ...process.env, TACITURN_SECRET: sharedSecret };
    const program = new RunningProgram(process.execPath, [launcher, 'check', ...line], { env });
    started.push(program);
    return program;
  }

  it('says a line for each round, tells Prometheus, and ends when it is told to', async () => {
    const program = watching(url, ...brief, '--watch', '1500ms', '--metrics', `127.0.0.1:${await freeTcpPort()}`);
    const [, metrics] = await program.waitFor(/metrics: (http:\S+)/);
    expect(await (await fetch(metrics!)).text()).toContain('taciturn_check_runs_total{result="passed"} 0');
    await program.waitFor(/(✓ turn:.*\n[\s\S]*){2}/);
    const answer = await fetch(metrics!);
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain(`taciturn_check_success{url="${url}"} 1`);
    expect(text).toContain(`taciturn_check_step_success{url="${url}",step="echo"} 1`);
    expect(text).toMatch(/^taciturn_check_rtt_seconds\{url=".*",quantile="0\.95"\} 0\.\d+$/m);
    expect(text).not.toContain('taciturn-check:');
    expect((await fetch(metrics!.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetch(metrics!, { method: 'POST' })).status).toBe(405);
    if (withPromtool) {
      const { code, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: text });
      expect({ code, said: `${stdout}${stderr}` }).toEqual({ code: 0, said: '' });
    }
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(await daemon.metric('taciturn_allocations')).toBe(0);
  });

  it('goes on when the server fails, and ends as the last round did', async () => {
    const short = await Taciturn.start('relay: { peers: { allow: [127.0.0.1] } }', { listen: ['127.0.0.1'] });
    const program = watching(`turn:127.0.0.1:${short.port}`, '--no-quality', '--watch', '1s', '--json');
    await program.waitFor(/^\{"schema":1,.*"passed":true.*\}\n/m);
    await short.stop();
    await program.waitFor(/"passed":false.*\n/);
    program.signal('SIGINT');
    expect(await program.exited).toBe(2);
    const rounds = program.stdout.trimEnd().split('\n');
    expect(rounds.map((line) => (JSON.parse(line) as CheckReport).url)).toEqual(
      rounds.map(() => `turn:127.0.0.1:${short.port}`),
    );
  });

  it('ends at once when the port for the metrics is taken', async () => {
    const line = [url, '--watch', '60s', '--metrics', new URL(daemon.http).host];
    const { code, stderr } = await check(line);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--metrics .*\(EADDRINUSE\)\. Some other program has the port/);
  });
});

describe('a measurement that is interrupted', () => {
  it('tells what was found until then', async () => {
    const env = { ...process.env, TACITURN_SECRET: sharedSecret };
    const program = new RunningProgram(process.execPath, [launcher, 'check', url, '--duration', '10m'], { env });
    await program.waitFor(/✓ echo/);
    // The measurement begins with it; the first packets should be on their way.
    await expect.poll(() => daemon.metric('taciturn_allocations')).toBe(2);
    program.signal('SIGINT');
    expect(await program.exited).toBe(0);
    expect(program.stdout).toMatch(/Quality [\s\S]*relays/);
    expect(await daemon.metric('taciturn_allocations')).toBe(0);
  });
});

async function freeTcpPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
