import { SqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** Where the SQLite database is; the directory has to exist. */
  readonly dataDir: string;
  /** The URL of a Redis server to use in its place. It may hold a password. */
  readonly redis: string | undefined;
  /** What the names of all keys in Redis begin with. */
  readonly redisPrefix: string;
}

/**
 * Opens the store: the database in the data directory, or Redis where one is configured.
 *
 * @throws StoreError when it cannot be had. Once it is open it comes back by itself whenever it was away.
 * @example const store = await openStore({ dataDir, redis: undefined, redisPrefix: 'taciturn:' });
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataDir, redis, redisPrefix } = options;
  if (redis === undefined) return SqliteStore.open(dataDir);
  // Its client takes long to load, and most have no Redis.
  const { RedisStore } = await import('./redis/redis-store.ts');
  return RedisStore.open({ url: redis, prefix: redisPrefix });
}
