import { existsSync, rmSync } from 'node:fs';
import { apiScopes, createApiKey } from '../credentials/api-keys.ts';
import { apiKeysFile } from '../credentials/first-start.ts';
import type { Store } from '../store/store.ts';
import type { KnownAccess } from './known-access.ts';

/** An API key that was made because there was none at all. */
export interface FirstKey {
  readonly id: string;
  /** It is stored as a hash only, so this is the one time it can be shown. */
  readonly key: string;
}

/**
 * Takes over the keys of the file in which they were kept before there was a store, and removes the file.
 *
 * @throws DataDirectoryError when it is damaged.
 */
export async function takeOverKeys(store: Store, dataDir: string): Promise<void> {
  const file = apiKeysFile(dataDir);
  if (!existsSync(file)) return;
  // Few have such a file, and to check one takes long to load.
  const { readKeyFile } = await import('./key-file.ts');
  for (const key of readKeyFile(file)) await store.addKey(key);
  rmSync(file, { force: true });
}

/** Makes an admin key if the store has no key at all. */
export async function makeFirstKey(store: Store, known: KnownAccess): Promise<FirstKey | undefined> {
  const { now, randomBytes } = known.options;
  const { key, stored } = createApiKey({ name: 'admin', scopes: apiScopes, now: now(), randomBytes });
  if (!(await store.addFirstKey(stored))) return undefined;
  known.putKey(stored);
  return { id: stored.id, key };
}
