import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryData, MemoryStore } from '../../test/store/memory-store.ts';
import { createApiKey, type KeyLimits, type VerifiedApiKey } from '../credentials/api-keys.ts';
import { apiKeysFile, DataDirectoryError } from '../credentials/first-start.ts';
import { StoreError } from '../store/store.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import { unixSeconds } from '../turn/time.ts';
import { Access } from './access.ts';
import type { AccessOptions } from './access-options.ts';
import { storedUser } from './listed-users.ts';

const start = unixSeconds(1_700_000_000);
let dataDir: string;
const opened: Access[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'taciturn-access-'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  const closing = Promise.all(opened.splice(0).map((access) => access.close()));
  await vi.advanceTimersByTimeAsync(1000);
  await closing;
  vi.useRealTimers();
  rmSync(dataDir, { recursive: true });
});

/** A daemon's access, with all that it tells. */
async function daemon(data = new MemoryData(), changed: Partial<AccessOptions> = {}) {
  const store = new MemoryStore(data);
  const told: string[] = [];
  const clock = { now: start };
  const options: AccessOptions = {
    dataDir,
    realm: 'example.org',
    ttl: () => ({ defaultSeconds: 3600, minSeconds: 60, maxSeconds: 86_400 }),
    graceSeconds: () => 600,
    secrets: () => ['a shared secret of ours'],
    configuredUsers: () => [{ name: 'configured', password: 'pass' }],
    passwordFault: () => undefined,
    maxRevocations: 100,
    isOverBudget: () => false,
    now: () => clock.now,
    randomBytes,
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    ...changed,
  };
  const access = await Access.open(store, options, {
    usersChanged: (users) => told.push(`users ${users.map(({ name }) => name).join(' ')}`),
    userRevoked: (name) => told.push(`revoked ${name}`),
    revoked: ({ kind, name }) => told.push(`revoked ${kind} ${name}`),
    availabilityChanged: (available, why) => told.push(available ? 'available' : `away: ${why}`),
    trouble: (what) => told.push(what),
  });
  opened.push(access);
  const create = async (limits: KeyLimits = {}) => {
    const { key } = await access.keys.create({ name: 'app', scopes: ['issue', 'revoke'], limits });
    return access.keys.verify(key)!;
  };
  return { access, store, data, told, clock, create };
}

const soon = () => vi.advanceTimersByTimeAsync(200);
type Daemon = Awaited<ReturnType<typeof daemon>>;

function issue({ access }: Daemon, key: VerifiedApiKey, user = 'alice'): string {
  const result = access.credentials.issue({ user }, key);
  return result.ok ? result.credential.username : result.code;
}

describe('the first start', () => {
  it('makes an admin key, and a later one none', async () => {
    const first = await daemon();
    expect(first.access.keys.verify(first.access.firstKey!.key)?.scopes).toEqual(
      new Set(['issue', 'revoke', 'read', 'admin']),
    );
    const second = await daemon(first.data);
    expect(second.access.firstKey).toBeUndefined();
    expect(second.access.keys.verify(first.access.firstKey!.key)).toBeDefined();
  });

  it('takes its key back when it could not be shown', async () => {
    const first = await daemon();
    await first.access.forgetFirstKey();
    expect((await daemon(first.data)).access.firstKey).toBeDefined();
  });

  it('takes over the keys of an earlier version, once', async () => {
    const { key, stored } = createApiKey({ name: 'old', scopes: ['issue'], now: start, randomBytes });
    writeFileSync(apiKeysFile(dataDir), JSON.stringify({ version: 1, keys: [stored] }));
    const { access } = await daemon();
    expect(access.keys.verify(key)).toBeDefined();
    expect(access.firstKey).toBeUndefined();
    expect(existsSync(apiKeysFile(dataDir))).toBe(false);
  });

  it('does not go on with damaged keys of an earlier version', async () => {
    writeFileSync(apiKeysFile(dataDir), '{"version":1,"keys":[{}]}');
    await expect(daemon()).rejects.toThrow(DataDirectoryError);
    expect(existsSync(apiKeysFile(dataDir))).toBe(true);
  });
});

describe('a key', () => {
  it('works where it was made at once, and at other daemons soon', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    const { key, stored } = await here.access.keys.create({
      name: 'app',
      scopes: ['issue'],
      limits: { origins: ['https://app.example.org'] },
    });
    expect(here.access.keys.verify(key)?.id).toBe(stored.id);
    await soon();
    expect(other.access.keys.verify(key)?.id).toBe(stored.id);
    expect(other.access.keys.allowsOrigin('https://app.example.org')).toBe(true);
    expect(other.access.limitsOf(stored.id)).toEqual(stored.limits);
  });

  it('is no key any more when it is revoked, nor is what it has issued', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    const { key, stored } = await here.access.keys.create({ name: 'app', scopes: ['issue'], limits: {} });
    await soon();
    expect(await here.access.keys.revoke(stored.id)).toBe(true);
    expect(await here.access.keys.revoke(stored.id)).toBe(false);
    expect(here.access.keys.verify(key)).toBeUndefined();
    await soon();
    expect(other.access.keys.verify(key)).toBeUndefined();
    for (const { told, access } of [here, other]) {
      expect(told).toEqual([`revoked key ${stored.id}`]);
      expect(access.isRevoked({ username: 'x', user: 'x', issuer: stored.id })).toBe(true);
    }
  });

  it.each([
    [{ maxTtlSeconds: 100 }, 700],
    [{}, 87_000],
    [{ maxTtlSeconds: 200_000 }, 200_600],
  ])('with %j is remembered for %i seconds', async (limits, seconds) => {
    const here = await daemon();
    const { id } = await here.create(limits);
    await here.access.keys.revoke(id);
    expect(here.data.revocations.get(`key:${id}`)?.until).toBe(start + seconds + 1);
  });

  it('that another daemon has made just now is remembered for as long', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    const { id } = await other.create({ maxTtlSeconds: 200_000 });
    expect(await here.access.keys.revoke(id)).toBe(true);
    expect(here.data.revocations.get(`key:${id}`)?.until).toBe(start + 200_601);
  });

  it('is found among 100,000', async () => {
    const data = new MemoryData();
    const secretSha256 = 'a'.repeat(64);
    for (let i = 0; i < 100_000; i++) {
      data.keys.set(`key-${i}`, { id: `key-${i}`, name: '', secretSha256, scopes: ['issue'], createdAt: start });
    }
    const here = await daemon(data);
    expect((await here.create()).id).toHaveLength(12);
    expect(here.access.sizes.keys).toBe(100_001);
  });
});

describe('issuing', () => {
  it('is refused for a revoked user until it is restored', async () => {
    const here = await daemon();
    const key = await here.create({ userPrefix: 'acme-' });
    expect(issue(here, key)).toBe(`1700003600:acme-alice##${key.id}`);
    expect(await here.access.credentials.revokeUser('acme-alice', key)).toBe('revoked');
    expect(issue(here, key)).toBe('user_revoked');
    expect(issue(here, key, 'bob')).toContain('acme-bob');
    expect(await here.access.credentials.restoreUser('acme-alice', key)).toBe(true);
    expect(await here.access.credentials.restoreUser('acme-alice', key)).toBe(false);
    expect(issue(here, key)).toContain('acme-alice');
  });

  it('is refused over budget, and says first what is wrong with the request', async () => {
    const here = await daemon(undefined, { isOverBudget: () => true });
    const key = await here.create();
    expect(issue(here, key)).toBe('budget_used_up');
    expect(issue(here, key, 'a:b')).toBe('invalid_user');
  });

  it('is refused within a second of the store being away, and goes on when it is back', async () => {
    const here = await daemon();
    const key = await here.create();
    await soon();
    here.store.fails = () => true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(issue(here, key)).toBe('store_unavailable');
    await vi.advanceTimersByTimeAsync(10_000);
    here.store.fails = () => false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(issue(here, key)).toContain('alice');
    expect(here.told).toEqual(['away: The store is away.', 'available']);
  });
});

describe('revoking', () => {
  it('counts here at once, and at other daemons soon', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    const key = await here.create();
    const username = issue(here, key);
    const credential = { username, user: 'alice', issuer: key.id };
    const revoking = here.access.credentials.revoke(username, key);
    expect(await revoking).toBe('revoked');
    expect(here.access.isRevoked(credential)).toBe(true);
    await soon();
    expect(other.access.isRevoked(credential)).toBe(true);
    expect(here.told).toEqual([`revoked credential ${username}`]);
    expect(other.told).toEqual(here.told);
    here.clock.now = unixSeconds(start + 3600 + 600);
    expect(here.access.isRevoked(credential)).toBe(true);
    here.clock.now = unixSeconds(start + 3600 + 601);
    expect(here.access.isRevoked(credential)).toBe(false);
    expect(await here.access.credentials.revoke(username, key)).toBe('expired');
  });

  it('is possible for one’s own users only', async () => {
    const here = await daemon();
    const [acme, other] = [await here.create({ userPrefix: 'acme-' }), await here.create({ userPrefix: 'other-' })];
    const username = issue(here, acme);
    expect(await here.access.credentials.revoke(username, other)).toBe('foreign');
    expect(await here.access.credentials.revokeUser('acme-alice', other)).toBe('foreign');
    await here.access.credentials.revokeUser('acme-alice', acme);
    expect(await here.access.credentials.restoreUser('acme-alice', other)).toBe(false);
    expect(await here.access.credentials.revoke('alice', acme)).toBe('unknown');
  });

  it('is refused when too much is remembered, and says so', async () => {
    const here = await daemon(undefined, { maxRevocations: 2 });
    const key = await here.create();
    for (const user of ['a', 'b']) expect(await here.access.credentials.revokeUser(user, key)).toBe('revoked');
    expect(await here.access.credentials.revokeUser('c', key)).toBe('full');
    expect(await here.access.credentials.revokeUser('a', key)).toBe('revoked');
  });

  it('fails while the store is away, and nothing is half done', async () => {
    const here = await daemon();
    const key = await here.create();
    here.store.fails = () => true;
    await expect(here.access.credentials.revokeUser('alice', key)).rejects.toThrow(StoreError);
    expect(here.access.sizes.revocations).toBe(0);
    expect(here.data.revocations.size).toBe(0);
    expect(here.told.filter((line) => line.startsWith('revoked'))).toEqual([]);
  });

  it('outlasts a restart, and is not told again', async () => {
    const here = await daemon();
    const key = await here.create();
    await here.access.credentials.revokeUser('alice', key);
    const later = await daemon(here.data);
    expect(issue(later, key)).toBe('user_revoked');
    expect(later.told).toEqual([]);
  });

  it('where expired credentials refresh for ever ends them, and is not remembered for ever', async () => {
    const here = await daemon(undefined, { graceSeconds: () => Number.POSITIVE_INFINITY });
    const key = await here.create();
    expect(await here.access.credentials.revoke(`${start - 1000}:alice`, key)).toBe('revoked');
    expect(here.told).toEqual([`revoked credential ${start - 1000}:alice`]);
    expect(here.data.revocations.get(`credential:${start - 1000}:alice`)?.until).toBe(start + 60);
  });

  it('and restoring at once ends nothing elsewhere', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    const key = await here.create();
    await soon();
    other.store.fails = () => true;
    await soon();
    await here.access.credentials.revokeUser('alice', key);
    await here.access.credentials.restoreUser('alice', key);
    other.store.fails = () => false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(other.told.filter((line) => line.startsWith('revoked'))).toEqual([]);
  });
});

describe('one that has lost its place in the changes', () => {
  it('reads everything again, and tells what is new', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    other.store.fails = () => true;
    const key = await here.create();
    await here.access.credentials.revokeUser('alice', key);
    await here.access.users.put('zoe', 'pass');
    here.data.forgetChanges();
    await soon();
    other.store.fails = () => false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(other.access.limitsOf(key.id)).toEqual({});
    expect(other.told).toEqual(['away: The store is away.', 'users zoe', 'revoked user alice', 'available']);
    expect(here.told).toEqual(['revoked user alice', 'users zoe']);
  });
});

describe('static users', () => {
  it('are listed with those of the configuration, which count more', async () => {
    const here = await daemon();
    expect(await here.access.users.put('zoe', 'pass')).toBe('added');
    expect(await here.access.users.put('zoe', 'word')).toBe('replaced');
    expect(await here.access.users.put('configured', 'x')).toBe('configured');
    expect(await here.access.users.remove('configured')).toBe('configured');
    await here.store.putUser(storedUser('configured', 'example.org', 'x', start));
    await here.store.putUser(storedUser('away', 'example.com', 'x', start));
    await here.store.putUser({ ...storedUser('md5', 'example.org', 'x', start), sha256Key: undefined });
    expect(await here.access.users.list()).toEqual([
      { name: 'away', from: 'store', createdAt: start, worksWith: [] },
      { name: 'configured', from: 'configuration', createdAt: undefined, worksWith: ['md5', 'sha256'] },
      { name: 'md5', from: 'store', createdAt: start, worksWith: ['md5'] },
      { name: 'zoe', from: 'store', createdAt: start, worksWith: ['md5', 'sha256'] },
    ]);
  });

  it('are the same however their letters with accents are written', async () => {
    const here = await daemon();
    const [composed, decomposed] = ['zoë', 'zoe\u0308'];
    expect(await here.access.users.put(decomposed, 'pass')).toBe('added');
    expect(await here.access.users.put(composed, 'word')).toBe('replaced');
    const [user] = here.access.storedUsers;
    expect(user?.md5Key).toBe(longTermKey(PasswordAlgorithm.md5, composed, 'example.org', 'word').toString('hex'));
    expect(await here.access.users.remove(decomposed)).toBe('removed');
    // As former versions kept it.
    await here.store.putUser(storedUser(decomposed, 'example.org', 'x', start));
    expect(await here.access.users.remove(decomposed)).toBe('removed');
    expect(here.access.storedUsers).toEqual([]);
  });

  it('are kept as long-term keys, never as a password', async () => {
    const here = await daemon();
    await here.access.users.put('zoe', 'pass word');
    const [user] = here.access.storedUsers;
    const { md5, sha256 } = PasswordAlgorithm;
    expect(user?.md5Key).toBe(longTermKey(md5, 'zoe', 'example.org', 'pass word').toString('hex'));
    expect(user?.sha256Key).toBe(longTermKey(sha256, 'zoe', 'example.org', 'pass word').toString('hex'));
    expect(JSON.stringify([...here.data.users])).not.toContain('pass word');
  });

  it('that are added, changed or removed anywhere are told everywhere', async () => {
    const here = await daemon();
    const other = await daemon(here.data);
    await here.access.users.put('zoe', 'pass');
    await soon();
    await here.access.users.put('zoe', 'word');
    await soon();
    expect(await here.access.users.remove('zoe')).toBe('removed');
    expect(await here.access.users.remove('zoe')).toBe('unknown');
    await soon();
    const told = ['users zoe', 'users zoe', 'revoked zoe', 'users ', 'revoked zoe'];
    for (const one of [here, other]) expect(one.told).toEqual(told);
  });
});
