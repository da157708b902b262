import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../../test/interop/certificates.ts';
import { requirePeer } from '../../test/interop/peers.ts';
import { unixSeconds } from '../turn/time.ts';
import {
  CertificateError,
  CurrentCertificate,
  certificateNames,
  outsideValidity,
  readCertificate,
} from './certificate.ts';

const DAY = 86_400;
// Later than everything that is issued here.
const now = unixSeconds(Date.now() / 1000 + DAY / 2);

describe.skipIf(!requirePeer('openssl'))('a certificate', () => {
  let authority: CertificateAuthority;
  beforeAll(() => {
    authority = new CertificateAuthority();
  });
  afterAll(() => authority?.remove());

  let count = 0;
  /** A pair of files as a configuration names them, with whatever content. */
  function install(content: { cert: string; key: string }) {
    const base = join(authority.directory, `installed${count++}`);
    const files = { certificateFile: `${base}.pem`, keyFile: `${base}.key` };
    /** In one step, as tools that renew certificates do. */
    const replace = (file: string, text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace(files.certificateFile, content.cert);
    replace(files.keyFile, content.key);
    return {
      files,
      replaceCertificate: (text: string) => replace(files.certificateFile, text),
      replaceKey: (text: string) => replace(files.keyFile, text),
    };
  }

  function complaint(cert: string, key: string): string {
    try {
      readCertificate(install({ cert, key }).files);
    } catch (error) {
      if (error instanceof CertificateError) return error.message;
      throw error;
    }
    return 'none';
  }

  it('is read with its key, its names and its validity', () => {
    const { files } = install(authority.issue({ names: ['DNS:turn.example.org', 'IP:192.0.2.1'], days: 30 }));
    const certificate = readCertificate(files);
    const names = ['turn.example.org', '192.0.2.1', 'example.org', '192.0.2.2', '2001:db8::1'];
    expect(names.map((name) => certificateNames(certificate, name))).toEqual([true, true, false, false, false]);
    expect(certificate.expiresAt - certificate.notBefore).toBe(30 * DAY);
    expect(outsideValidity(certificate, now)).toBeUndefined();
    expect(outsideValidity(certificate, unixSeconds(now + 31 * DAY))).toContain('expired on');
    expect(outsideValidity(certificate, unixSeconds(now - 2 * DAY))).toContain('not valid before');
  });

  it('that is no good is refused with the file named, and nothing of the key', () => {
    const [one, other] = [authority.issue(), authority.issue()];
    expect(complaint(one.cert, one.key)).toBe('none');
    expect(complaint(one.cert, other.key)).toMatch(/key in .*\.key does not belong to the certificate in .*\.pem/);
    expect(complaint('nonsense', one.key)).toMatch(/\.pem holds no certificate in PEM/);
    expect(complaint(one.key, one.key)).toMatch(/\.pem holds no certificate in PEM/);
    expect(complaint(one.cert, 'nonsense')).toMatch(/\.key holds no private key/);
    expect(complaint(one.cert, one.cert)).toMatch(/\.key holds no private key/);
    expect(() => readCertificate({ certificateFile: '/nowhere/x.pem', keyFile: '/nowhere/x.key' })).toThrow(
      'the certificate file /nowhere/x.pem cannot be read (ENOENT)',
    );
  });

  it('is replaced by a good one', () => {
    const installed = install(authority.issue());
    const current = new CurrentCertificate(installed.files);
    const before = current.certificate;
    expect(current.reload(now).kind).toBe('unchanged');
    expect(current.certificate).toBe(before);
    const next = authority.issue({ days: 60 });
    installed.replaceCertificate(next.cert);
    installed.replaceKey(next.key);
    expect(current.reload(now).kind).toBe('reloaded');
    expect(current.certificate.expiresAt).toBeGreaterThan(before.expiresAt);
  });

  it('stays when the new one is no good', () => {
    const installed = install(authority.issue());
    const current = new CurrentCertificate(installed.files);
    const before = current.certificate;
    const refusals = [
      () => installed.replaceCertificate('nonsense'),
      () => installed.replaceCertificate(authority.issue().cert),
      () => {
        const expired = authority.issue({ days: -1 });
        installed.replaceCertificate(expired.cert);
        installed.replaceKey(expired.key);
      },
      () => rmSync(installed.files.keyFile),
    ].map((damage) => {
      damage();
      const reload = current.reload(now);
      expect(current.certificate).toBe(before);
      return reload.kind === 'refused' ? reload.why : reload.kind;
    });
    expect(refusals).toEqual([
      expect.stringContaining('holds no certificate'),
      expect.stringContaining('does not belong'),
      expect.stringContaining('expired on'),
      expect.stringContaining('cannot be read (ENOENT)'),
    ]);
  });

  it('that is not valid yet is taken when it is', () => {
    const installed = install(authority.issue());
    const current = new CurrentCertificate(installed.files);
    const next = authority.issue();
    installed.replaceCertificate(next.cert);
    installed.replaceKey(next.key);
    expect(current.reloadIfChanged(unixSeconds(now - 2 * DAY))?.kind).toBe('refused');
    expect(current.reloadIfChanged(unixSeconds(now - 2 * DAY))).toBeUndefined();
    expect(current.reloadIfChanged(now)?.kind).toBe('reloaded');
  });

  it('is looked at again when a file has changed, once for each change', () => {
    const installed = install(authority.issue());
    const current = new CurrentCertificate(installed.files);
    expect(current.reloadIfChanged(now)).toBeUndefined();
    const next = authority.issue();
    installed.replaceCertificate(next.cert);
    expect(current.reloadIfChanged(now)?.kind).toBe('refused');
    expect(current.reloadIfChanged(now)).toBeUndefined();
    installed.replaceKey(next.key);
    expect(current.reloadIfChanged(now)?.kind).toBe('reloaded');
    expect(current.reloadIfChanged(now)).toBeUndefined();
    rmSync(installed.files.certificateFile);
    expect(current.reloadIfChanged(now)?.kind).toBe('refused');
    expect(current.reloadIfChanged(now)).toBeUndefined();
  });
});
