import type { KeyService, KeyWish } from '../api/dependencies.ts';
import { createApiKey, type StoredApiKey, type VerifiedApiKey } from '../credentials/api-keys.ts';
import type { Store } from '../store/store.ts';
import type { KnownAccess } from './known-access.ts';

/** The API keys: checked in memory, kept in the store. */
export class StoredKeys implements KeyService {
  readonly #store: Store;
  readonly #known: KnownAccess;

  constructor(store: Store, known: KnownAccess) {
    this.#store = store;
    this.#known = known;
  }

  verify(presented: string): VerifiedApiKey | undefined {
    return this.#known.keys.verify(presented);
  }

  allowsOrigin(origin: string): boolean {
    return this.#known.keys.allowsOrigin(origin);
  }

  list(): Promise<readonly StoredApiKey[]> {
    return this.#store.keys();
  }

  async create(wish: KeyWish): Promise<{ readonly key: string; readonly stored: StoredApiKey }> {
    const { now, randomBytes } = this.#known.options;
    const made = createApiKey({ ...wish, now: now(), randomBytes });
    if (!(await this.#store.addKey(made.stored))) throw new Error('Two random ids are the same.');
    this.#known.putKey(made.stored);
    return made;
  }

  async revoke(id: string): Promise<boolean> {
    // One that another daemon has made just now is in the store only.
    const key = this.#known.keys.get(id) ?? (await this.#store.key(id));
    const until = this.#known.keyRevokedUntil(key);
    if (!(await this.#store.removeKey(id, until))) return false;
    this.#known.keys.delete(id);
    this.#known.revoke({ kind: 'key', name: id, until });
    return true;
  }
}
