import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, type TestKey } from '../../test/api/fake-daemon.ts';

const password = 'correct horse battery';

let daemon: FakeDaemon;
let admin: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  admin = daemon.key(['admin']);
  daemon.users.set('root', { name: 'root', from: 'configuration', createdAt: undefined, worksWith: ['md5', 'sha256'] });
});
afterEach(() => daemon.service.close());

describe('static users', () => {
  it('are added, given another password, listed and removed', async () => {
    const added = await daemon.ask('PUT', '/v1/users/zo%C3%AB', admin, { password });
    expect([added.statusCode, added.json()]).toEqual([201, { name: 'zoë' }]);
    expect((await daemon.ask('PUT', '/v1/users/zo%C3%AB', admin, { password })).statusCode).toBe(200);
    expect((await daemon.ask('POST', '/v1/users', admin, { name: 'bob', password })).statusCode).toBe(201);
    expect((await daemon.ask('GET', '/v1/users', admin)).json()).toEqual({
      users: [
        { name: 'bob', from: 'store', createdAt: '2023-11-14T22:13:20.000Z', worksWith: ['md5', 'sha256'] },
        { name: 'root', from: 'configuration', worksWith: ['md5', 'sha256'] },
        { name: 'zoë', from: 'store', createdAt: '2023-11-14T22:13:20.000Z', worksWith: ['md5', 'sha256'] },
      ],
    });
    expect((await daemon.ask('DELETE', '/v1/users/bob', admin)).statusCode).toBe(204);
    expect(await daemon.refusal('DELETE', '/v1/users/bob', admin)).toBe('404 not_found');
  });

  it('of the configuration stay as they are', async () => {
    expect(await daemon.refusal('PUT', '/v1/users/root', admin, { password })).toBe('409 user_configured');
    expect(await daemon.refusal('DELETE', '/v1/users/root', admin)).toBe('409 user_configured');
  });

  it.each([
    [{ name: 'bob', password: 'short' }, '400 weak_password'],
    [{ name: 'bob' }, '400 invalid_request'],
    [{ name: 'a:b', password }, '400 invalid_request'],
    [{ name: 'a\u0000b', password }, '400 invalid_request'],
    [{ name: 'é'.repeat(300), password }, '400 invalid_user'],
    [{ name: 'bob', password, admin: true }, '400 invalid_request'],
  ])('refuse %.40j with %s', async (body, expected) => {
    expect(await daemon.refusal('POST', '/v1/users', admin, body)).toBe(expected);
    expect(daemon.users.size).toBe(1);
  });

  it('are for keys with the scope admin and without a prefix', async () => {
    for (const key of [daemon.key(['read', 'issue', 'revoke']), daemon.key(['admin'], { userPrefix: 'acme-' })]) {
      expect(await daemon.refusal('GET', '/v1/users', key)).toBe('403 insufficient_scope');
      expect(await daemon.refusal('PUT', '/v1/users/bob', key, { password })).toBe('403 insufficient_scope');
      expect(await daemon.refusal('DELETE', '/v1/users/root', key)).toBe('403 insufficient_scope');
    }
  });

  it('are in the audit log and the errors without their password', async () => {
    const weak = await daemon.ask('PUT', '/v1/users/bob', admin, { password: 'hunter2' });
    expect(weak.body).not.toContain('hunter2');
    await daemon.ask('POST', '/v1/users', admin, { name: 'bob', password });
    await daemon.ask('DELETE', '/v1/users/bob', admin);
    const entry = { by: admin.id, via: 'http', from: '127.0.0.1', subject: 'bob' };
    expect(daemon.audited).toEqual([
      { ...entry, action: 'user-added', refused: 'weak_password' },
      { ...entry, action: 'user-added' },
      { ...entry, action: 'user-removed' },
    ]);
  });

  it('say that the store is gone', async () => {
    daemon.storeIsDown = true;
    expect(await daemon.refusal('GET', '/v1/users', admin)).toBe('503 store_unavailable');
    expect(await daemon.refusal('PUT', '/v1/users/bob', admin, { password })).toBe('503 store_unavailable');
    expect(await daemon.refusal('DELETE', '/v1/users/bob', admin)).toBe('503 store_unavailable');
  });
});
