/** Each kind of store, opened as the daemon does. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredApiKey } from '../../src/credentials/api-keys.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store, StoredUser, Usage } from '../../src/store/store.ts';
import { unixSeconds } from '../../src/turn/time.ts';
import { RedisServer } from './redis-server.ts';

/** Where stores are that have one data in common. */
export interface StorePlace {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

export async function sqlitePlace(): Promise<StorePlace & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'taciturn-store-'));
  return {
    dataDir,
    open: () => openStore({ dataDir, redis: undefined, redisPrefix: '' }),
    remove: () => rm(dataDir, { recursive: true }),
  };
}

export async function redisPlace(): Promise<StorePlace> {
  const server = await RedisServer.start();
  return {
    open: () => openStore({ dataDir: '', redis: server.url, redisPrefix: 'test:' }),
    remove: () => server.remove(),
  };
}

export const now = unixSeconds(1_800_000_000);

export function storedKey(id: string, more: Partial<StoredApiKey> = {}): StoredApiKey {
  return { id, name: `the key ${id}`, secretSha256: 'ab'.repeat(32), scopes: ['issue'], createdAt: now, ...more };
}

export function storedUser(name: string, more: Partial<StoredUser> = {}): StoredUser {
  return { name, realm: 'example.org', md5Key: '0f'.repeat(16), sha256Key: '1e'.repeat(32), createdAt: now, ...more };
}

export function usageOf(more: Partial<Usage> = {}): Usage {
  const counts = { fromClientBytes: 1, fromClientPackets: 2, toClientBytes: 4, toClientPackets: 8, allocations: 16 };
  return { day: '2026-11-23', key: 'app', user: 'bob', label: '', ...counts, ...more };
}
