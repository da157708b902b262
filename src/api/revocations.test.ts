import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, type TestKey } from '../../test/api/fake-daemon.ts';

let daemon: FakeDaemon;
let key: TestKey;
let tenant: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  key = daemon.key(['issue', 'revoke']);
  tenant = daemon.key(['issue', 'revoke'], { userPrefix: 'acme-' });
});
afterEach(() => daemon.service.close());

const credential = (username: string) => `/v1/credentials/${encodeURIComponent(username)}`;

describe('DELETE /v1/credentials/{username}', () => {
  it('revokes a credential by the whole of its username', async () => {
    const wish = { user: 'zoë/1 2', label: 'room 7' };
    const { username } = (await daemon.ask('POST', '/v1/credentials', key, wish)).json();
    const response = await daemon.ask('DELETE', credential(username), key);
    expect([response.statusCode, response.body]).toEqual([204, '']);
    expect([...daemon.revoked]).toEqual([username]);
  });

  it('takes the longest username there can be', async () => {
    const wish = { user: '💬'.repeat(32), label: '💬'.repeat(16) };
    const { username } = (await daemon.ask('POST', '/v1/credentials', key, wish)).json();
    expect((await daemon.ask('DELETE', credential(username), key)).statusCode).toBe(204);
  });

  it('counts one that has expired as revoked, and remembers nothing', async () => {
    expect((await daemon.ask('DELETE', credential('1600000000:alice'), key)).statusCode).toBe(204);
    expect(daemon.revoked.size).toBe(0);
  });

  it('refuses what is no credential, what belongs to others, and what cannot be remembered', async () => {
    expect(await daemon.refusal('DELETE', credential('alice'), key)).toBe('404 not_found');
    expect(await daemon.refusal('DELETE', credential('1700003600:alice'), tenant)).toBe('403 foreign_user');
    daemon.revocationsAreFull = true;
    expect(await daemon.refusal('DELETE', credential('1700003600:alice'), key)).toBe('503 revocations_full');
    daemon.storeIsDown = true;
    expect(await daemon.refusal('DELETE', credential('1700003600:alice'), key)).toBe('503 store_unavailable');
  });
});

describe('POST /v1/users/{name}/revoke and /restore', () => {
  it('stop issuing to a user and begin again', async () => {
    expect((await daemon.ask('POST', '/v1/users/alice/revoke', key)).statusCode).toBe(204);
    expect(await daemon.refusal('POST', '/v1/credentials', key, { user: 'alice' })).toBe('403 user_revoked');
    expect((await daemon.ask('POST', '/v1/users/alice/restore', key)).statusCode).toBe(204);
    expect((await daemon.ask('POST', '/v1/credentials', key, { user: 'alice' })).statusCode).toBe(201);
    expect(await daemon.refusal('POST', '/v1/users/alice/restore', key)).toBe('404 not_found');
  });

  it('are for users with the prefix of the key', async () => {
    expect(await daemon.refusal('POST', '/v1/users/alice/revoke', tenant)).toBe('403 foreign_user');
    expect(await daemon.refusal('POST', '/v1/users/alice/restore', tenant)).toBe('403 foreign_user');
    expect((await daemon.ask('POST', '/v1/users/acme-alice/revoke', tenant)).statusCode).toBe(204);
    expect(await daemon.refusal('POST', '/v1/credentials', tenant, { user: 'alice' })).toBe('403 user_revoked');
    expect((await daemon.ask('POST', '/v1/users/acme-alice/restore', tenant)).statusCode).toBe(204);
  });
});

describe('revoking', () => {
  it.each([
    ['DELETE', '/v1/credentials/x'],
    ['POST', '/v1/users/x/revoke'],
    ['POST', '/v1/users/x/restore'],
  ] as const)('%s %s needs the scope revoke', async (method, url) => {
    expect(await daemon.refusal(method, url, daemon.key(['issue', 'read', 'admin']))).toBe('403 insufficient_scope');
    expect(await daemon.refusal(method, url)).toBe('401 unauthorized');
  });

  it('is in the audit log', async () => {
    await daemon.ask('DELETE', credential('1700003600:alice#room'), key);
    await daemon.ask('POST', '/v1/users/alice/revoke', key);
    await daemon.ask('POST', '/v1/users/alice/restore', key);
    await daemon.ask('POST', '/v1/users/alice/revoke', tenant);
    const entry = { by: key.id, via: 'http', from: '127.0.0.1' };
    expect(daemon.audited).toEqual([
      { ...entry, action: 'credential-revoked', subject: '1700003600:alice#room' },
      { ...entry, action: 'user-revoked', subject: 'alice' },
      { ...entry, action: 'user-restored', subject: 'alice' },
      { ...entry, by: tenant.id, action: 'user-revoked', subject: 'alice', refused: 'foreign_user' },
    ]);
  });
});
