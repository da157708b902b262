import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { DoctorReport, Finding } from '../../src/cli/doctor/finding.ts';
import { RedisServer } from '../store/redis-server.ts';
import { CertificateAuthority, type CertificateWishes } from './certificates.ts';
import { freeUdpPort, RunningProgram, requirePeer } from './peers.ts';
import { launcher, Taciturn, taciturn } from './taciturn.ts';

const installed = requirePeer('openssl');
const redisInstalled = requirePeer('redis-server');

let authority: CertificateAuthority;
beforeAll(() => {
  if (installed) authority = new CertificateAuthority();
});
afterAll(() => authority?.remove());

interface Examination {
  readonly code: number | null;
  readonly report: DoctorReport;
}

async function doctor(...args: string[]): Promise<Examination> {
  const { code, stdout } = await taciturn(['doctor', '--json', ...args]);
  return { code, report: JSON.parse(stdout) as DoctorReport };
}

/** Examines a running server with the configuration it was started with, and the ports that it chose. */
function examine(server: Taciturn, ...args: string[]): Promise<Examination> {
  const ports = ['--port', String(server.port), '--http-port', new URL(server.http).port];
  return doctor('--config', join(server.directory, 'taciturn.yaml'), ...ports, ...args);
}

function codes(findings: readonly Finding[], level: Finding['level']): string[] {
  return findings.filter((finding) => finding.level === level).map(({ code }) => code);
}

async function startWith(yaml: string, listen = ['127.0.0.1']): Promise<Taciturn> {
  const server = await Taciturn.start(yaml, { listen });
  onTestFinished(() => server.stop());
  return server;
}

/** The findings that do not depend on how large this machine is. */
function ofServer({ findings }: DoctorReport): readonly Finding[] {
  return findings.filter(({ about, code }) => about !== 'limits' && !code.startsWith('disk_'));
}

/**
 * A directory with a configuration that no server was started with.
 *
 * @param http more settings of its HTTP service.
 */
async function unstarted(yaml = '', http = ''): Promise<{ directory: string; file: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'taciturn-doctor-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'taciturn.yaml');
  const ports = [await freeUdpPort(), await freeUdpPort()];
  const listen = `listen: { addresses: [127.0.0.1], port: ${ports[0]} }\nhttp: { port: ${ports[1]}${http} }`;
  writeFileSync(file, `dataDir: ${directory}/data\n${listen}\n${yaml}`);
  return { directory, file };
}

function certificate(wishes: CertificateWishes, more: Partial<Record<'keyFile', string>> = {}): string {
  const { certFile, keyFile } = { ...authority.issue(wishes), ...more };
  return `tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }`;
}

describe.skipIf(!installed)('taciturn doctor', () => {
  it('finds a healthy server: every listener, the certificate, the address, a relay over each transport', async () => {
    const { certFile, keyFile } = authority.issue();
    const tls = `tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: ${await freeUdpPort()} }`;
    const server = await startWith(`${tls}\npublicHost: localhost`, ['127.0.0.1', '::1']);
    const { code, report } = await examine(server, '--ca', authority.caFile);
    expect(codes(report.findings, 'problem')).toEqual([]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ schema: 1, healthy: true, findings: expect.anything() });
    expect(codes(ofServer(report), 'ok')).toEqual([
      'server_runs',
      ...Array(4).fill('listener_answers'),
      'http_answers',
      'data_plane',
      'certificate_valid',
      'certificate_name',
      'certificate_served',
      ...Array(3).fill('relay_works'),
      'store',
      'data_directory',
      'audit_log',
      'clock',
    ]);
    // Only loopback is there, and no STUN server was named.
    expect(codes(ofServer(report), 'warning')).toEqual(Array(2).fill('external_address_private'));
    expect(codes(ofServer(report), 'not-tested')).toEqual(Array(2).fill('external_address_unknown'));
  });

  it('says first that nothing runs, and how to start it', async () => {
    const { file } = await unstarted();
    const { code, stdout } = await taciturn(['doctor', '--config', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^The server has one problem/);
    expect(stdout.split('\n')[2]).toMatch(/^✗ server +The server does not run, or not with this configuration/);
    expect(stdout).toContain(`fix  Start it: taciturn serve --config ${file}\n`);
  });

  it('compares the external address with what a STUN server sees', async () => {
    const stun = await startWith('');
    const server = await startWith('relay: { ipv4: { external: 198.51.100.7 } }');
    const asked = ['--stun-server', `127.0.0.1:${stun.port}`];
    const { code, report } = await examine(server, ...asked);
    expect(code).toBe(1);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'external_address_wrong',
        fix: 'Set relay.ipv4.external to 127.0.0.1, or to stun if it changes.',
      }),
    );
    const right = await examine(server, ...asked, '--external-ipv4', '127.0.0.1');
    expect(codes(right.report.findings, 'ok')).toContain('external_address');
  });

  it.each<[string, CertificateWishes, string]>([
    ['has expired', { days: -1 }, 'certificate_expired'],
    ['is for another name', { names: ['DNS:other.example'] }, 'certificate_wrong_name'],
  ])('finds a certificate that %s', async (_what, wishes, problem) => {
    const { file } = await unstarted(`${certificate(wishes)}\npublicHost: localhost`);
    expect(codes((await doctor('--config', file)).report.findings, 'problem')).toContain(problem);
  });

  it('finds a key that does not belong to the certificate, and one that is not there', async () => {
    const { file } = await unstarted(certificate({}, { keyFile: authority.issue().keyFile }));
    expect(codes((await doctor('--config', file)).report.findings, 'problem')).toContain('key_mismatch');
    const missing = await unstarted(certificate({}, { keyFile: '/nowhere/key.pem' }));
    const { report } = await doctor('--config', missing.file);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ sentence: '/nowhere/key.pem: The file does not exist.' }),
    );
  });

  it('finds that the server shows another certificate than the one in the file', async () => {
    const server = await startWith(certificate({}));
    const other = authority.issue();
    const flags = ['--certificate-file', other.certFile, '--key-file', other.keyFile];
    const { report } = await examine(server, ...flags, '--ca', authority.caFile);
    expect(codes(report.findings, 'problem')).toContain('certificate_not_loaded');
  });

  it('finds a certificate that clients will not trust, and does not test TLS with it', async () => {
    const server = await startWith(certificate({}));
    const { report } = await examine(server);
    expect(codes(report.findings, 'problem')).toContain('certificate_untrusted');
    expect(codes(report.findings, 'not-tested')).toContain('relay_untested');
  });

  it('finds secrets that others can read', async () => {
    const server = await startWith('');
    chmodSync(join(server.directory, 'data', 'taciturn.db'), 0o644);
    const { code, report } = await examine(server);
    expect(code).toBe(1);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'data_directory_open', fix: expect.stringMatching(/^Close it: chmod 600 /) }),
    );
  });

  it('asks the HTTP service over HTTPS, and finds that it shows another certificate than the one in the file', async () => {
    const { certFile, keyFile } = authority.issue();
    const { file } = await unstarted('', `, certificateFile: ${certFile}, keyFile: ${keyFile}`);
    const server = new RunningProgram(process.execPath, [launcher, 'serve', '--config', file, '--json']);
    onTestFinished(() => server.stop());
    await server.waitFor(/^}$/m);
    const { report } = await doctor('--config', file);
    expect(codes(report.findings, 'problem')).toEqual([]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'http_answers',
        sentence: expect.stringMatching(/at https:\/\/127\.0\.0\.1:\d+\.$/),
      }),
    );
    expect(report.findings).toContainEqual(
      expect.objectContaining({ about: 'http-service', code: 'certificate_valid', level: 'ok' }),
    );
    expect(codes(report.findings, 'ok')).toContain('data_plane');

    const renewed = authority.issue();
    copyFileSync(renewed.certFile, certFile);
    copyFileSync(renewed.keyFile, keyFile);
    expect(codes((await doctor('--config', file)).report.findings, 'problem')).toEqual(['http_certificate_untrusted']);
    const trusting = await doctor('--config', file, '--ca', authority.caFile);
    expect(codes(trusting.report.findings, 'problem')).toEqual(['certificate_not_loaded']);
  });

  it('finds a damaged database, and leaves it as it is', async () => {
    const { directory, file } = await unstarted();
    mkdirSync(join(directory, 'data'), { mode: 0o700 });
    writeFileSync(join(directory, 'data', 'taciturn.db'), 'no database '.repeat(1000), { mode: 0o600 });
    const { code, report } = await doctor('--config', file);
    expect(code).toBe(1);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'store_unusable',
        level: 'problem',
        sentence: expect.stringContaining('taciturn.db is damaged'),
      }),
    );
    expect(readdirSync(join(directory, 'data'))).toEqual(['taciturn.db']);
  });

  it('makes nothing where nothing is', async () => {
    const { directory, file } = await unstarted();
    const { report } = await doctor('--config', file);
    expect(codes(report.findings, 'not-tested')).toContain('store_missing');
    expect(readdirSync(directory)).toEqual(['taciturn.yaml']);
  });

  it('says that Redis and an admission service cannot be reached, and shows no secrets', async () => {
    const { file } = await unstarted(
      `store: { redis: "redis://user:pa55word-of-redis@127.0.0.1:1/0" }
admission: { url: "http://127.0.0.1:1/T0KEN", secret: a secret for admission }`,
    );
    const { stdout } = await taciturn(['doctor', '--config', file, '--json']);
    expect(stdout).not.toMatch(/pa55word|T0KEN/);
    const { findings } = JSON.parse(stdout) as DoctorReport;
    expect(codes(findings, 'problem')).toEqual(['server_not_running', 'redis_unreachable', 'receiver_unreachable']);
  });

  it('does not blame the server when its admission service lets nobody in', async () => {
    const server = await startWith('admission: { url: "http://127.0.0.1:1/", secret: a secret for admission }');
    const { report } = await examine(server);
    expect(codes(report.findings, 'not-tested')).toContain('relay_untested');
    expect(codes(report.findings, 'problem')).toEqual(['receiver_unreachable']);
  });

  it.skipIf(!redisInstalled)('hears from the running server that its Redis has gone', async () => {
    const redis = await RedisServer.start({ password: 'pa55word-of-redis' });
    onTestFinished(() => redis.remove());
    const server = await startWith(`store: { redis: "${redis.url}" }`);
    expect((await examine(server)).report.findings).toContainEqual(
      expect.objectContaining({ code: 'store', sentence: 'Redis can be read, and has one API key and no users.' }),
    );
    await redis.stop();
    await expect.poll(() => server.metric('taciturn_store_available'), { timeout: 20_000 }).toBe(0);
    const { report } = await examine(server);
    expect(codes(report.findings, 'problem')).toEqual(['redis_unreachable', 'store_unavailable']);
  });

  it('ends with 78 for a configuration that is wrong', async () => {
    const { file } = await unstarted('realmm: x');
    expect(await taciturn(['doctor', '--config', file])).toMatchObject({ code: 78, stdout: '' });
  });
});
