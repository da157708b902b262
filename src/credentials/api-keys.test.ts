import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../turn/time.ts';
import { ApiKeys, createApiKey } from './api-keys.ts';

describe('API keys', () => {
  const now = unixSeconds(1_700_000_000);
  const { key, stored } = createApiKey({ name: 'app', scopes: ['issue'], now, randomBytes });
  const keys = new ApiKeys([stored]);

  it('are accepted with their scopes', () => {
    expect(keys.verify(key)).toEqual({ id: stored.id, scopes: new Set(['issue']), limits: {} });
  });

  it.each(['', '.', stored.id, `${stored.id}.`, `${key}x`, key.slice(0, -1), key.split('.')[1]!, `constructor.${key}`])(
    'are refused when wrong: %j',
    (presented) => {
      expect(keys.verify(presented)).toBeUndefined();
    },
  );

  it('have 96 random bits of name and 192 of secret, and are kept as a hash', () => {
    expect(key).toMatch(/^[A-Za-z0-9_-]{12}\.[A-Za-z0-9_-]{32}$/);
    expect(JSON.stringify(stored)).not.toContain(key.split('.')[1]);
  });

  it('are accepted no more when they are deleted', () => {
    const some = new ApiKeys([stored]);
    expect(some.delete(stored.id)).toBe(true);
    expect(some.verify(key)).toBeUndefined();
    expect(some.delete(stored.id)).toBe(false);
  });

  it.each(['', 'a', stored.secretSha256.slice(2), `${stored.secretSha256}00`, 'z'.repeat(64)])(
    'with a damaged hash are never accepted, nor are the secrets of others with their id: %j',
    (secretSha256) => {
      const some = new ApiKeys([stored, { ...stored, id: 'damaged-key-', secretSha256 }]);
      expect(some.verify(key)).toBeDefined();
      expect(some.verify(`damaged-key-.${key.split('.')[1]}`)).toBeUndefined();
    },
  );

  it('keep their scopes apart', () => {
    const scopes = [['issue'], ['issue', 'read'], ['read', 'issue'], [], ['admin']] as const;
    const made = scopes.map((some) => createApiKey({ name: 'app', scopes: some, now, randomBytes }));
    const some = new ApiKeys(made.map(({ stored }) => stored));
    expect(made.map(({ key }) => [...some.verify(key)!.scopes])).toEqual(scopes);
  });

  it('allow an origin while some key has it', () => {
    const page = 'https://app.example.org';
    const make = (origins: string[]) =>
      createApiKey({ name: 'app', scopes: ['issue'], limits: { origins }, now, randomBytes }).stored;
    const [first, second] = [make([page, page]), make([page])];
    const some = new ApiKeys([first, second]);
    expect(some.allowsOrigin(page)).toBe(true);
    some.delete(first.id);
    some.set(second);
    expect(some.allowsOrigin(page)).toBe(true);
    expect(some.allowsOrigin(`${page}.evil.org`)).toBe(false);
    some.delete(second.id);
    expect(some.allowsOrigin(page)).toBe(false);
  });
});
