/** What two daemons with one store know of each other. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Access } from '../../src/access/access.ts';
import { AdmissionDesk } from '../../src/access/admission-desk.ts';
import { Accounting } from '../../src/accounting/accounting.ts';
import type { Store } from '../../src/store/store.ts';
import { requirePeer } from '../interop/peers.ts';
import { now, redisPlace, type StorePlace, sqlitePlace } from './kinds.ts';

const kinds = [
  { kind: 'SQLite', place: sqlitePlace, possible: true },
  { kind: 'Redis', place: redisPlace, possible: requirePeer('redis-server') },
].filter(({ possible }) => possible);

const eventually = { timeout: 10_000, interval: 20 };

async function openDaemon(store: Store, dataDir: string) {
  const told: string[] = [];
  const access = await Access.open(
    store,
    {
      ...{ dataDir, realm: 'example.org', maxRevocations: 1000, now: () => now, randomBytes },
      ttl: () => ({ defaultSeconds: 3600, minSeconds: 60, maxSeconds: 86_400 }),
      graceSeconds: () => 600,
      secrets: () => ['a shared secret of ours'],
      configuredUsers: () => [],
      passwordFault: () => undefined,
      isOverBudget: () => false,
    },
    {
      usersChanged: (users) => told.push(`users ${users.map(({ name }) => name).join(' ')}`),
      userRevoked: (name) => told.push(`revoked ${name}`),
      revoked: ({ kind, name }) => told.push(`revoked ${kind} ${name}`),
      availabilityChanged: (available) => told.push(available ? 'available' : 'away'),
      trouble: (what, why) => told.push(`${what}: ${why}`),
    },
  );
  const limitsOf = (key: string) => access.limitsOf(key);
  const nothing = { budgetReached: () => {}, endKey: () => {} };
  const accounting = await Accounting.open(store, { limitsOf, now: () => now }, nothing, access.keysWithBudget());
  const desk = new AdmissionDesk({
    isRevoked: (credential) => access.isRevoked(credential),
    limitsOf,
    isOverBudget: (key) => accounting.isOverBudget(key),
    whenUnavailable: () => 'refuse',
    quotas: store.sharedQuotas,
    allocationsPerUser: () => 1,
    mostAllocations: 100,
  });
  return { store, access, accounting, desk, told };
}

describe.each(kinds)('two daemons on one store in $kind', ({ place: makePlace }) => {
  let place: StorePlace;
  let dataDir: string;
  let here: Awaited<ReturnType<typeof openDaemon>>;
  let there: typeof here;

  beforeEach(async () => {
    place = await makePlace();
    dataDir = mkdtempSync(join(tmpdir(), 'taciturn-daemons-'));
    const stores = await Promise.all([place.open(), place.open()]);
    [here, there] = (await Promise.all(stores.map((store) => openDaemon(store, dataDir)))) as [
      typeof here,
      typeof here,
    ];
  });
  afterEach(async () => {
    await Promise.all([here, there].map(({ access }) => access.close()));
    await Promise.all([here, there].map(({ store }) => store.close()));
    await place.remove();
    rmSync(dataDir, { recursive: true });
  });

  const issuer = async () => {
    const limits = { bytesPerDay: 100 };
    const { key } = await here.access.keys.create({ name: 'app', scopes: ['issue', 'revoke'], limits });
    return vi.waitFor(() => {
      const verified = there.access.keys.verify(key);
      expect(verified).toBeDefined();
      return verified!;
    }, eventually);
  };
  const candidate = (id: string, key: string, username = '9:alice') => {
    return {
      id,
      username,
      user: 'alice',
      label: undefined,
      issuer: key,
      client: '192.0.2.1:9',
      transport: 'udp' as const,
    };
  };

  it('make one first key between them', () => {
    expect([here, there].filter(({ access }) => access.firstKey !== undefined)).toHaveLength(1);
  });

  it('know what the other one revokes, and takes back', async () => {
    const key = await issuer();
    const issued = there.access.credentials.issue({ user: 'alice' }, key);
    const username = issued.ok ? issued.credential.username : '';
    expect(await here.access.credentials.revoke(username, key)).toBe('revoked');
    await vi.waitFor(() => expect(there.told).toContain(`revoked credential ${username}`), eventually);
    expect(await there.desk.decide(candidate('a', key.id, username), 0)).toBe('revoked');
    await there.access.credentials.revokeUser('bob', key);
    await vi.waitFor(() => expect(here.told).toContain('revoked user bob'), eventually);
    await here.access.credentials.restoreUser('bob', key);
    await vi.waitFor(
      () => expect(there.access.credentials.issue({ user: 'bob' }, key)).toMatchObject({ ok: true }),
      eventually,
    );
  });

  it('end a key and what it has issued together', async () => {
    const { id } = await issuer();
    expect(await there.access.keys.revoke(id)).toBe(true);
    await vi.waitFor(() => expect(here.told).toEqual([`revoked key ${id}`]), eventually);
    expect(await here.desk.decide(candidate('a', id), 0)).toBe('revoked');
  });

  it('share static users', async () => {
    await here.access.users.put('zoe', 'pass word');
    await vi.waitFor(() => expect(there.told).toEqual(['users zoe']), eventually);
    expect(there.access.storedUsers).toEqual(here.access.storedUsers);
    await there.access.users.remove('zoe');
    await vi.waitFor(() => expect(here.told).toEqual(['users zoe', 'users ', 'revoked zoe']), eventually);
  });

  it('add up what they relay, and share budgets', async () => {
    const { id } = await issuer();
    const counts = { fromClientPackets: 1, toClientBytes: 0, toClientPackets: 0, allocations: 1 };
    for (const { accounting } of [here, there]) {
      accounting.add([{ issuer: id, user: 'alice', label: '', fromClientBytes: 50, ...counts }], now);
      await accounting.flush();
    }
    expect(await here.accounting.usage({ limit: 10 })).toMatchObject([{ fromClientBytes: 100, allocations: 2 }]);
    expect(await here.desk.decide(candidate('a', id), 0)).toBe('budget');
  });

  it('share the quota of a user where the store can', async () => {
    const { id } = await issuer();
    expect(await here.desk.decide(candidate('a', id), 0)).toBe('allowed');
    const shared = here.store.sharedQuotas !== undefined;
    expect(await there.desk.decide(candidate('b', id), 0)).toBe(shared ? 'user-quota' : 'allowed');
    here.desk.ended('a');
    await vi.waitFor(async () => expect(await there.desk.decide(candidate('c', id), 0)).toBe('allowed'), eventually);
  });
});
