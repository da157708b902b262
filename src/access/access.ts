import type { KeyLimits } from '../credentials/api-keys.ts';
import type { Store, StoredUser } from '../store/store.ts';
import type { AccessEvents, AccessOptions } from './access-options.ts';
import { type FirstKey, makeFirstKey, takeOverKeys } from './first-key.ts';
import { IssuedCredentials } from './issued-credentials.ts';
import { KnownAccess } from './known-access.ts';
import { ListedUsers } from './listed-users.ts';
import type { RevocableCredential } from './revocations.ts';
import { StoreFollower } from './store-follower.ts';
import { StoredKeys } from './stored-keys.ts';

/**
 * Who may do what: API keys, static users and what is revoked. All of it is kept in the store and held in memory, so that a
 * decision never waits; what others change in the store counts here within a second.
 */
export class Access {
  readonly keys: StoredKeys;
  readonly credentials: IssuedCredentials;
  readonly users: ListedUsers;
  /** The admin key that was made just now, because there was no key at all. */
  readonly firstKey: FirstKey | undefined;
  readonly #store: Store;
  readonly #known: KnownAccess;
  readonly #follower: StoreFollower;

  private constructor(store: Store, known: KnownAccess, follower: StoreFollower, firstKey: FirstKey | undefined) {
    this.#store = store;
    this.#known = known;
    this.#follower = follower;
    this.firstKey = firstKey;
    this.keys = new StoredKeys(store, known);
    this.credentials = new IssuedCredentials(store, known, follower);
    this.users = new ListedUsers(store, known);
  }

  /**
   * Reads the store, and follows it from then on.
   *
   * @throws StoreError when the store cannot be had; DataDirectoryError when keys of an earlier version are damaged.
   */
  static async open(store: Store, options: AccessOptions, events: AccessEvents): Promise<Access> {
    await takeOverKeys(store, options.dataDir);
    const known = new KnownAccess(options, events);
    const follower = new StoreFollower(store, known);
    await follower.start();
    try {
      // Last of all: a key that is made has to be shown.
      return new Access(store, known, follower, await makeFirstKey(store, known));
    } catch (error) {
      await follower.close();
      throw error;
    }
  }

  /** Whether the store can be read, which is all that issuing needs. */
  get available(): boolean {
    return this.#follower.available;
  }

  /** The static users of today's realm in the store. */
  get storedUsers(): readonly StoredUser[] {
    return [...this.#known.users.values()];
  }

  /** How much is held. */
  get sizes(): { readonly keys: number; readonly users: number; readonly revocations: number } {
    const { keys, users, revocations } = this.#known;
    return { keys: keys.size, users: users.size, revocations: revocations.size };
  }

  isRevoked(credential: RevocableCredential): boolean {
    return this.#known.revocations.isRevoked(credential, this.#known.options.now());
  }

  /** The limits of a key; `undefined` when there is no such key. */
  limitsOf(key: string): KeyLimits | undefined {
    return this.#known.keys.get(key)?.limits;
  }

  /** The keys that have a budget of bytes. */
  *keysWithBudget(): Generator<string> {
    for (const { id, limits } of this.#known.keys.values()) {
      if (limits.bytesPerDay !== undefined || limits.bytesPerMonth !== undefined) yield id;
    }
  }

  /** Takes back the first key when the start has failed before it could be shown: the next start makes another. */
  async forgetFirstKey(): Promise<void> {
    if (this.firstKey !== undefined) await this.#store.removeKey(this.firstKey.id, this.#known.options.now());
  }

  /** Follows the store no more. The store itself stays open. */
  async close(): Promise<void> {
    await this.#follower.close();
  }
}
