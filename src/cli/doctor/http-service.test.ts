import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import { type FakeAnswer, FakeService, failure } from '../../../test/cli/fake-service.ts';
import { CertificateAuthority } from '../../../test/interop/certificates.ts';
import { requirePeer } from '../../../test/interop/peers.ts';
import { askHttpService } from './http-service.ts';

const plane = { name: 'batch', why: 'as configured', workers: 2 };
const metrics =
  '# TYPE x gauge\nprocess_max_fds 1024\ntaciturn_relay_ports_free{family="ipv4"} 7\ntaciturn_api_keys 2\n';
const answers: Readonly<Record<string, FakeAnswer>> = {
  '/readyz': { status: 200, body: { status: 'ready' } },
  '/healthz': { status: 200, body: { status: 'ok', plane } },
  '/metrics': { status: 200, body: metrics },
};

const started: FakeService[] = [];
afterEach(() => Promise.all(started.splice(0).map((service) => service.stop())));

async function serve(
  changed: Readonly<Record<string, FakeAnswer>> = {},
  tls?: { readonly cert: string; readonly key: string },
): Promise<FakeService> {
  const service = await FakeService.start(({ path }) => ({ ...answers, ...changed })[path], tls);
  started.push(service);
  return service;
}

function ask(environment: Record<string, string | number>, trusted?: string) {
  const given = Object.entries(environment).map(([name, value]) => [`TACITURN_HTTP__${name}`, String(value)]);
  return askHttpService(configured(Object.fromEntries(given)), trusted);
}

describe('asking the HTTP service', () => {
  it('learns readiness, data plane and figures without a key', async () => {
    const service = await serve();
    const found = await ask({ PORT: service.port });
    expect(found).toEqual({
      state: 'answers',
      url: service.url,
      plane,
      metrics: new Map([
        ['process_max_fds', 1024],
        ['taciturn_api_keys', 2],
      ]),
    });
    expect(service.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
  });

  it('finds the service that listens on every address on loopback', async () => {
    const { port, url } = await serve();
    expect(await ask({ PORT: port, HOST: '0.0.0.0', ALLOW_PUBLIC: 'true' })).toMatchObject({ state: 'answers', url });
  });

  it('hears why no new clients are taken', async () => {
    const { port } = await serve({ '/readyz': failure(503, 'not_ready', 'draining') });
    expect(await ask({ PORT: port })).toMatchObject({ state: 'answers', notReady: 'draining' });
  });

  it('knows another program by its answer', async () => {
    const { port, url } = await serve({ '/readyz': { status: 200, body: '<html>' } });
    expect(await ask({ PORT: port })).toEqual({ state: 'foreign', url, status: 200 });
  });

  it('says that nobody is there, and asks nobody where there is nothing to ask', async () => {
    const service = await serve();
    const { port, url } = service;
    await started.pop()!.stop();
    expect(await ask({ PORT: port })).toEqual({ state: 'unreachable', url, code: 'no_server' });
    expect(await ask({ PORT: 0 })).toEqual({ state: 'unknown-port' });
    expect(await ask({ ENABLED: 'false' })).toEqual({ state: 'off' });
  });

  describe.skipIf(!requirePeer('openssl'))('over HTTPS', () => {
    it('accepts the very certificate of the configuration, or one that is trusted, and no other', async () => {
      const authority = new CertificateAuthority();
      try {
        const [mine, other] = [authority.issue(), authority.issue()];
        const { port } = await serve({}, mine);
        const files = ({ certFile, keyFile }: typeof mine) => ({ CERTIFICATE_FILE: certFile, KEY_FILE: keyFile });
        const known = await ask({ PORT: port, ...files(mine) });
        expect(known).toMatchObject({ state: 'answers', url: `https://127.0.0.1:${port}`, plane });
        expect(known).not.toHaveProperty('fingerprint');
        expect(await ask({ PORT: port, ...files(other) })).toMatchObject({ code: 'untrusted_certificate' });
        expect(await ask({ PORT: port, ...files(other) }, authority.ca)).toMatchObject({
          state: 'answers',
          fingerprint: new X509Certificate(mine.cert).fingerprint256,
        });
        const { port: plain } = await serve();
        expect(await ask({ PORT: plain, ...files(mine) })).toMatchObject({ state: 'unreachable', code: 'not_tls' });
      } finally {
        authority.remove();
      }
    });
  });
});
