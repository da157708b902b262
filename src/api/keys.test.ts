import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, type TestKey } from '../../test/api/fake-daemon.ts';

let daemon: FakeDaemon;
let admin: TestKey;
let tenant: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  admin = daemon.key(['admin']);
  tenant = daemon.key(['admin', 'issue'], { userPrefix: 'acme-' });
});
afterEach(() => daemon.service.close());

const limits = {
  maxTtlSeconds: 7200,
  requestsPerSecond: 50,
  origins: ['https://app.example.org'],
  userPrefix: 'acme-',
  bytesPerDay: 1_000_000_000,
  bytesPerMonth: 20_000_000_000,
  endOverBudget: true,
  allocations: 100,
};

describe('POST /v1/keys', () => {
  it('makes a key that works, and shows it once', async () => {
    const made = await daemon.ask('POST', '/v1/keys', admin, { name: 'the app', scopes: ['issue', 'revoke'], limits });
    expect(made.statusCode).toBe(201);
    expect(made.headers['cache-control']).toBe('no-store');
    const { key, id } = made.json();
    expect(made.json()).toEqual({
      key,
      id,
      name: 'the app',
      scopes: ['issue', 'revoke'],
      limits,
      createdAt: '2023-11-14T22:13:20.000Z',
    });
    expect(key).toMatch(new RegExp(`^${id}\\.[\\w-]{32}$`));
    expect((await daemon.ask('POST', '/v1/credentials', { key, id }, { user: 'bob' })).json().username).toBe(
      `1700003600:acme-bob##${id}`,
    );
    const { body } = await daemon.ask('GET', '/v1/keys', admin);
    expect(body).toContain(id);
    expect(body).not.toContain(key.split('.')[1]);
    expect(body).not.toContain(daemon.storedKeys.get(id)!.secretSha256);
  });

  it.each([
    {},
    { name: 'x', scopes: [] },
    { name: 'x', scopes: ['issue', 'issue'] },
    { name: 'x', scopes: ['root'] },
    { name: '', scopes: ['issue'] },
    { name: 'line\nbreak', scopes: ['issue'] },
    { name: 'x'.repeat(129), scopes: ['issue'] },
    { name: 'x', scopes: ['issue'], secret: 'mine' },
    { name: 'x', scopes: ['issue'], limits: { origins: ['*'] } },
    { name: 'x', scopes: ['issue'], limits: { origins: ['https://app.example.org/'] } },
    { name: 'x', scopes: ['issue'], limits: { requestsPerSecond: 0 } },
    { name: 'x', scopes: ['issue'], limits: { bytesPerDay: '10GB' } },
    { name: 'x', scopes: ['issue'], limits: { bytesPerMonth: 2 ** 53 } },
    { name: 'x', scopes: ['issue'], limits: { userPrefix: 'a:b' } },
    { name: 'x', scopes: ['issue'], limits: { color: 'red' } },
  ])('refuses %j', async (wish) => {
    expect(await daemon.refusal('POST', '/v1/keys', admin, wish)).toBe('400 invalid_request');
    expect(daemon.storedKeys.size).toBe(2);
  });
});

interface KeyPage {
  readonly keys: readonly { readonly id: string }[];
  readonly next?: string;
}

describe('GET /v1/keys', () => {
  it('goes on page by page, ordered by id', async () => {
    for (let i = 0; i < 8; i++) daemon.key(['issue']);
    const seen: string[] = [];
    for (let url: string | undefined = '/v1/keys?limit=4'; url !== undefined; ) {
      const { keys, next }: KeyPage = (await daemon.ask('GET', url, admin)).json();
      seen.push(...keys.map(({ id }) => id));
      url = next === undefined ? undefined : `/v1/keys?limit=4&cursor=${next}`;
    }
    expect(seen).toEqual([...daemon.storedKeys.keys()].sort());
  });
});

describe('DELETE /v1/keys/{id}', () => {
  it('ends a key once', async () => {
    const issuer = daemon.key(['issue']);
    expect((await daemon.ask('DELETE', `/v1/keys/${issuer.id}`, admin)).statusCode).toBe(204);
    expect(await daemon.refusal('POST', '/v1/credentials', issuer)).toBe('401 unauthorized');
    expect(await daemon.refusal('DELETE', `/v1/keys/${issuer.id}`, admin)).toBe('404 not_found');
  });
});

describe('the routes of keys', () => {
  it.each([
    ['GET', '/v1/keys', undefined],
    ['POST', '/v1/keys', { name: 'x', scopes: ['admin'] }],
    ['DELETE', '/v1/keys/x', undefined],
  ] as const)('%s %s needs the scope admin, and a key for the whole server', async (method, url, body) => {
    for (const key of [daemon.key(['issue', 'revoke', 'read']), tenant]) {
      expect(await daemon.refusal(method, url, key, body)).toBe('403 insufficient_scope');
    }
  });

  it('say that the store is gone, and not where it was', async () => {
    daemon.storeIsDown = true;
    const wish = { name: 'x', scopes: ['issue'] };
    const responses = [
      await daemon.ask('GET', '/v1/keys', admin),
      await daemon.ask('POST', '/v1/keys', admin, wish),
      await daemon.ask('DELETE', '/v1/keys/x', admin),
    ];
    for (const response of responses) {
      expect([response.statusCode, response.json().error.code]).toEqual([503, 'store_unavailable']);
      expect(response.headers['retry-after']).toBe('1');
      expect(response.body).not.toContain('hunter2');
    }
    expect(daemon.faults).toEqual([]);
  });

  it('are in the audit log without the key', async () => {
    const { key, id } = (await daemon.ask('POST', '/v1/keys', admin, { name: 'x', scopes: ['issue'], limits })).json();
    await daemon.ask('DELETE', `/v1/keys/${id}`, admin);
    await daemon.ask('DELETE', `/v1/keys/${id}`, tenant);
    const entry = { by: admin.id, via: 'http', from: '127.0.0.1' };
    expect(daemon.audited).toEqual([
      { ...entry, action: 'key-created', subject: id, details: { name: 'x', scopes: ['issue'], ...limits } },
      { ...entry, action: 'key-revoked', subject: id },
      { ...entry, by: tenant.id, action: 'key-revoked', subject: id, refused: 'insufficient_scope' },
    ]);
    expect(JSON.stringify(daemon.audited)).not.toContain(key.split('.')[1]);
  });
});
