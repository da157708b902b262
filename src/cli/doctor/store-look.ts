import type { Configuration } from '../../config/settings.ts';
import { openStore } from '../../store/open-store.ts';
import { databaseFile } from '../../store/sqlite/sqlite-store.ts';
import { StoreError } from '../../store/store.ts';
import { lookAtSqlite } from './sqlite-look.ts';

/** What was found where the configuration has the store. */
export type StoreLook =
  /** There is no database file. */
  | { readonly state: 'missing' }
  /** This user may not look. */
  | { readonly state: 'closed' }
  /** @property why in sentences, without secrets. */
  | { readonly state: 'unavailable'; readonly why: string }
  | { readonly state: 'newer'; readonly schema: SchemaVersions }
  | {
      readonly state: 'there';
      /** Of SQLite. */
      readonly schema?: SchemaVersions;
      readonly keys: number;
      readonly users: number;
      /** Why it cannot be written, in sentences. */
      readonly unwritable?: string;
    };

export interface SchemaVersions {
  readonly found: number;
  readonly known: number;
}

/** Looks at the store and changes nothing in it; Redis has a few seconds to answer. */
export async function lookAtStore({ dataDir, store: settings }: Configuration): Promise<StoreLook> {
  const { redis, redisPrefix } = settings;
  if (redis === undefined) return lookAtSqlite(databaseFile(dataDir));
  try {
    const store = await openStore({ dataDir, redis, redisPrefix });
    try {
      const [keys, users] = await Promise.all([store.keys(), store.users()]);
      return { state: 'there', keys: keys.length, users: users.length };
    } finally {
      await store.close();
    }
  } catch (error) {
    // Its messages name host and port, never the rest of the URL.
    if (error instanceof StoreError) return { state: 'unavailable', why: error.message };
    throw error;
  }
}
