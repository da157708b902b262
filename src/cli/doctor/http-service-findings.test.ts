import { describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import { failure } from '../../client/result.ts';
import type { CertificateDependencies } from './certificate.ts';
import type { HttpService } from './http-service.ts';
import { httpServiceFindings } from './http-service-findings.ts';

const url = 'http://127.0.0.1:8080';
const dependencies: CertificateDependencies = {
  unixNow: () => 1_800_000_000,
  connectTcp: async () => failure({ kind: 'refused', code: 'ECONNREFUSED', message: '' }),
  readFile: () => 'no PEM',
  isOpenToOthers: () => false,
};

function judge(service: HttpService, environment: Record<string, string> = {}, runs = true) {
  return httpServiceFindings(configured(environment), service, runs, dependencies);
}

describe('the HTTP service', () => {
  it.each<[HttpService, string, string]>([
    [{ state: 'answers', url, metrics: new Map() }, 'http_answers', 'ok'],
    [{ state: 'off' }, 'http_off', 'ok'],
    [{ state: 'unknown-port' }, 'http_unknown', 'not-tested'],
    [{ state: 'foreign', url, status: 404 }, 'http_foreign', 'problem'],
    [{ state: 'unreachable', url, code: 'no_server' }, 'http_unreachable', 'problem'],
    [{ state: 'unreachable', url, code: 'no_connection' }, 'http_unreachable', 'problem'],
    [{ state: 'unreachable', url, code: 'untrusted_certificate' }, 'http_certificate_untrusted', 'problem'],
  ])('is judged by what was found: %j', (service, code, level) => {
    const [finding, ...others] = judge(service);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ about: 'http-service', code, level, sentence: expect.stringMatching(/\.$/) });
    if (level !== 'ok') expect(finding?.fix).toMatch(/^[A-Z].*\.$/);
  });

  it('is not blamed where no server runs at all, but another program in its place is', () => {
    expect(judge({ state: 'unreachable', url, code: 'no_server' }, {}, false)).toEqual([]);
    expect(judge({ state: 'foreign', url, status: 404 }, {}, false)).toHaveLength(1);
  });

  it.each([
    ['0.0.0.0', 1],
    ['192.0.2.1', 1],
    ['127.0.0.5', 0],
    ['localhost', 0],
    ['::1', 0],
  ])('without TLS is warned about at %s: %i', (host, count) => {
    const service: HttpService = { state: 'answers', url, metrics: new Map() };
    const found = judge(service, { TACITURN_HTTP__HOST: host, TACITURN_HTTP__ALLOW_PUBLIC: 'true' });
    expect(found.filter(({ code }) => code === 'http_public_plain')).toHaveLength(count);
  });

  it('has its certificate looked at, but not twice when TLS clients get the same', () => {
    const files = (section: string) => ({
      [`TACITURN_${section}__CERTIFICATE_FILE`]: '/etc/tls/cert.pem',
      [`TACITURN_${section}__KEY_FILE`]: '/etc/tls/key.pem',
    });
    const service: HttpService = { state: 'answers', url, metrics: new Map(), fingerprint: 'AB:CD' };
    expect(judge(service, files('HTTP'))).toContainEqual(
      expect.objectContaining({
        about: 'http-service',
        code: 'certificate_unreadable',
        fix: 'Correct the file, or http.certificateFile and http.keyFile.',
      }),
    );
    expect(judge(service, { ...files('HTTP'), ...files('TLS') })).toHaveLength(1);
  });
});
