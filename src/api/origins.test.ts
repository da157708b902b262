import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, type TestKey } from '../../test/api/fake-daemon.ts';

const app = 'https://app.example.org';

let daemon: FakeDaemon;
let page: TestKey;
let server: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  page = daemon.key(['issue'], { origins: [app, 'http://localhost:5173'], requestsPerSecond: 2 });
  server = daemon.key(['issue']);
});
afterEach(() => daemon.service.close());

function issue({ key }: TestKey, origin?: string, url = '/v1/credentials') {
  const headers = { authorization: `Bearer ${key}`, ...(origin !== undefined && { origin }) };
  return daemon.service.inject({ method: 'POST', url, headers });
}

const preflight = (origin: string, url = '/v1/credentials') =>
  daemon.service.inject({
    method: 'OPTIONS',
    url,
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });

describe('a page of an origin that the key names', () => {
  it('is told beforehand what it may send', async () => {
    const { statusCode, headers } = await preflight(app);
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Authorization, Content-Type',
      vary: 'Origin',
    });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it('may read the answer, and refusals too', async () => {
    const { statusCode, headers } = await issue(page, app);
    expect([statusCode, headers['access-control-allow-origin'], headers.vary]).toEqual([201, app, 'Origin']);
    await issue(page, app);
    const limited = await issue(page, app);
    expect([limited.statusCode, limited.headers['access-control-allow-origin']]).toEqual([429, app]);
    expect(limited.headers['access-control-expose-headers']).toBe('Retry-After');
  });

  it('may use the compatible route with the key in the query', async () => {
    const url = `/?service=turn&username=alice&key=${page.key}`;
    const { headers } = await daemon.service.inject({ url, headers: { origin: app } });
    expect(headers['access-control-allow-origin']).toBe(app);
    const other = await daemon.service.inject({ url, headers: { origin: 'https://evil.example' } });
    expect([other.statusCode, other.json().error.code]).toEqual([403, 'origin_not_allowed']);
  });
});

describe('a page of any other origin', () => {
  it.each([
    'https://evil.example',
    'https://app.example.org.evil.example',
    'https://APP.example.org',
    'http://app.example.org',
    'https://app.example.org:8443',
    'null',
    '*',
  ])('%s gets nothing', async (origin) => {
    const asked = await preflight(origin);
    const used = await issue(page, origin);
    for (const { statusCode, json, headers } of [asked, used]) {
      expect([statusCode, json().error.code]).toEqual([403, 'origin_not_allowed']);
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('cannot read what a key without origins gets', async () => {
    const { statusCode, headers } = await issue(server, app);
    expect(statusCode).toBe(201);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('gets nothing when no key names an origin', async () => {
    daemon.apiKeys.delete(page.id);
    expect((await preflight(app)).statusCode).toBe(403);
  });
});

describe('a caller that is no page', () => {
  it('may use a key with origins', async () => {
    expect((await issue(page)).statusCode).toBe(201);
  });

  it('gets no preflight answered for a path that does not exist', async () => {
    expect((await preflight(app, '/nothing')).statusCode).toBe(404);
    expect((await daemon.service.inject({ method: 'OPTIONS', url: '/v1/credentials' })).statusCode).toBe(405);
  });
});

describe('a key with a limit of requests', () => {
  it('is told to wait, whoever asks, and fills no audit log', async () => {
    const responses = [await issue(page), await issue(page), await issue(page)];
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([201, 201, 429]);
    expect(responses[2]!.headers['retry-after']).toBe('1');
    expect(responses[2]!.json().error.code).toBe('rate_limited');
    expect(daemon.audited).toHaveLength(2);
    daemon.milliseconds = 1000;
    expect((await issue(page)).statusCode).toBe(201);
  });
});
