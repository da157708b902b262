import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { type Certificate, CertificateAuthority } from './certificates.ts';
import { DaemonProcess } from './daemon-process.ts';
import { requirePeer } from './peers.ts';
import { alice, allocate, relay } from './relay-client.ts';
import { Taciturn, taciturn } from './taciturn.ts';

describe.skipIf(!requirePeer('openssl'))('certificates', () => {
  let authority: CertificateAuthority;
  let daemon: Taciturn;
  let certificates: readonly [Certificate, Certificate];

  beforeEach(async () => {
    authority = new CertificateAuthority();
    certificates = [authority.issue({ days: 30 }), authority.issue({ days: 60 })];
    install(certificates[0]);
    const files = `certificateFile: ${installed('cert.pem')}, keyFile: ${installed('key.pem')}`;
    daemon = await Taciturn.start(`tls: { ${files}, port: 0 }`);
  });

  afterEach(async () => {
    await daemon?.stop();
    authority.remove();
  });

  const installed = (name: string) => join(authority.directory, name);

  /** As tools that renew certificates do: each file in one step, one after the other. */
  function install({ cert, key }: Pick<Certificate, 'cert' | 'key'>): void {
    for (const [name, text] of [
      ['cert.pem', cert],
      ['key.pem', key],
    ] as const) {
      writeFileSync(installed(`${name}.new`), text);
      renameSync(installed(`${name}.new`), installed(name));
    }
  }

  function reload(): Promise<Response> {
    return daemon.fetch('/v1/reload', { method: 'POST', body: '{}' });
  }

  /** When the certificate expires that a new connection gets. */
  async function presented(): Promise<number> {
    const socket = connectTls({ port: daemon.port, host: '127.0.0.1', ca: authority.ca });
    await once(socket, 'secureConnect');
    const { valid_to } = socket.getPeerCertificate();
    socket.destroy();
    return Date.parse(valid_to) / 1000;
  }

  const expiry = () => daemon.metric('taciturn_certificate_expiry_timestamp_seconds');

  it('are reloaded a hundred times under load, and nobody is dropped', { timeout: 120_000 }, async () => {
    const pairs = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const transport = { kind: 'tls' as const, serverName: '127.0.0.1', trusted: authority.ca };
        return [await allocate(daemon.port, alice, transport), await allocate(daemon.port, alice, transport)] as const;
      }),
    );
    const allocations = pairs.map(([[, a], [, b]]) => [a, b] as const);
    const everyPair = (text: string) =>
      Promise.all(allocations.map(([a, b]: readonly [TurnAllocation, TurnAllocation]) => relay(a, b, text)));
    await everyPair('before');
    const expiries: number[] = [];
    for (let i = 1; i <= 100; i++) {
      install(certificates[i % 2]!);
      const traffic = everyPair(`round ${i}`);
      const response = await reload();
      expect(response.status).toBe(200);
      expiries.push(await presented());
      await traffic;
    }
    expect(new Set(expiries.map((expires, i) => `${i % 2} ${expires}`)).size).toBe(2);
    // Now and then the daemon has seen the change by itself before it was told.
    expect(daemon.log.filter(({ event }) => event === 'certificate-reloaded')).toHaveLength(100);
    expect(await daemon.metric('taciturn_allocations')).toBe(10);
    expect(daemon.log.filter(({ event }) => event === 'allocation-ended')).toEqual([]);
    for (const [client] of pairs.flat()) client.close();
  });

  it('that are no good leave the one from before in use, and that is said', async () => {
    const before = await presented();
    expect(await expiry()).toBe(before);
    install({ cert: certificates[1].cert, key: certificates[0].key });
    const response = await reload();
    expect([response.status, await response.json()]).toMatchObject([
      422,
      { error: { code: 'reload_refused', message: expect.stringMatching(/stays in use, because .*does not belong/) } },
    ]);
    expect(daemon.log).toContainEqual(expect.objectContaining({ event: 'certificate-refused', level: 'error' }));
    expect([await presented(), await expiry()]).toEqual([before, before]);
  });

  it('are reloaded at SIGHUP', async () => {
    const before = await presented();
    install(certificates[1]);
    process.kill(DaemonProcess.find(daemon.directory).pid, 'SIGHUP');
    await daemon.program.waitFor(/"event":"certificate-reloaded"/);
    const after = await presented();
    expect(after).toBeGreaterThan(before);
    expect(await expiry()).toBe(after);
  });

  it('are reloaded by themselves when the files change', async () => {
    const before = await presented();
    install(certificates[1]);
    await daemon.program.waitFor(/"event":"certificate-reloaded"/);
    expect(await presented()).toBeGreaterThan(before);
  });
});

describe.skipIf(!requirePeer('openssl'))('a certificate at the start', () => {
  it.each([
    ['that is for another name offers no turns: URLs, and says why', ['DNS:turn.example.org'], false],
    ['that is for this host offers them', ['IP:127.0.0.1'], true],
  ] as const)('%s', async (_what, names, offered) => {
    const authority = new CertificateAuthority();
    const { certFile, keyFile } = authority.issue({ names });
    const daemon = await Taciturn.start(`tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }`);
    expect(daemon.report.urls.some((url) => url.startsWith('turns:'))).toBe(offered);
    await daemon.program.waitFor(/"event":"started"/);
    const notices = daemon.log.filter(({ event }) => event === 'notice').map(({ msg }) => msg);
    expect(notices).toEqual(offered ? [] : [expect.stringContaining('the certificate is not for 127.0.0.1')]);
    await daemon.stop();
    authority.remove();
  });

  it('that cannot be used stops the start with the file named', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'taciturn-test-'));
    const place = ['--data-dir', directory, '--listen-address', '127.0.0.1', '--port', '0', '--http-port', '0'];
    const files = ['--certificate-file', '/nowhere/cert.pem', '--key-file', '/nowhere/key.pem'];
    const { code, stderr } = await taciturn(['serve', ...place, ...files]);
    expect(code).toBe(1);
    expect(stderr).toContain('the certificate file /nowhere/cert.pem cannot be read (ENOENT)');
    rmSync(directory, { recursive: true });
  });
});
