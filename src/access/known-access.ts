import { ApiKeys, type StoredApiKey, type VerifiedApiKey } from '../credentials/api-keys.ts';
import { revokedUntil } from '../credentials/revoked-until.ts';
import { canonicalUsername } from '../credentials/static-users.ts';
import type { Revocation, RevocationKind, Store, StoredUser } from '../store/store.ts';
import { type UnixSeconds, unixSeconds } from '../turn/time.ts';
import type { AccessEvents, AccessOptions } from './access-options.ts';
import { Revocations } from './revocations.ts';

/** Revocations taken over at once, between which packets get their turn. */
const LOADED_AT_ONCE = 5_000;

/** What of the store is held in memory, so that decisions need not wait: keys, static users and revocations. */
export class KnownAccess {
  readonly options: AccessOptions;
  readonly events: AccessEvents;
  keys = new ApiKeys([]);
  users: ReadonlyMap<string, StoredUser> = new Map();
  revocations: Revocations;
  /** The longest TTL that anything was or can be issued with, as far as is known. */
  #longestTtl = 0;

  constructor(options: AccessOptions, events: AccessEvents) {
    this.options = options;
    this.events = events;
    this.revocations = new Revocations(options.maxRevocations, options.randomBytes);
  }

  /** Reads everything from the store for the first time. Nothing of it is news. */
  async load(store: Store): Promise<void> {
    this.replaceKeys(await store.keys());
    this.users = this.#usersOfToday(await store.users());
    this.revocations = (await this.#readRevocations(store)).table;
  }

  /** Reads everything anew, and tells what is different. */
  async reload(store: Store): Promise<void> {
    const [keys, users] = [await store.keys(), await store.users()];
    const { table, isNew } = await this.#readRevocations(store);
    this.revocations = table;
    this.replaceKeys(keys);
    this.replaceUsers(users);
    for (const revocation of isNew) this.events.revoked(revocation);
  }

  replaceKeys(keys: readonly StoredApiKey[]): void {
    this.keys = new ApiKeys(keys);
    for (const key of this.keys.values()) this.#noteTtl(key);
  }

  /** Accepts a key no more; what it has issued is not good either. */
  dropKey(id: string): void {
    const key = this.keys.get(id);
    this.keys.delete(id);
    if (key !== undefined) this.revoke({ kind: 'key', name: id, until: this.keyRevokedUntil(key) });
  }

  putKey(key: StoredApiKey): void {
    this.keys.set(key);
    this.#noteTtl(this.keys.get(key.id)!);
  }

  /** Takes over the users of the store, and tells what is different. */
  replaceUsers(stored: readonly StoredUser[]): void {
    const before = this.users;
    const users = this.#usersOfToday(stored);
    const isSame =
      users.size === before.size && [...users.values()].every((user) => isSameUser(user, before.get(user.name)));
    if (isSame) return;
    this.users = users;
    this.events.usersChanged([...users.values()]);
    for (const user of before.values()) {
      if (!isSameUser(user, users.get(user.name)) && !this.isConfigured(user.name)) this.events.userRevoked(user.name);
    }
  }

  isConfigured(name: string): boolean {
    const wanted = canonicalUsername(name);
    return this.options.configuredUsers().some((user) => canonicalUsername(user.name) === wanted);
  }

  /** Remembers what the store remembers. It is told unless it was known. */
  revoke(revocation: Revocation): void {
    const { kind, name, until } = revocation;
    const known = this.revocations.until(kind, name);
    if (!this.revocations.add(revocation, this.options.now())) this.#full();
    if (known < until) this.events.revoked(revocation);
  }

  unrevoke(kind: RevocationKind, name: string): void {
    this.revocations.remove(kind, name);
  }

  /** Until when a credential has to be remembered that ends then. */
  credentialRevokedUntil(expiresAt: UnixSeconds): UnixSeconds {
    return revokedUntil(expiresAt, this.options.graceSeconds(), this.options.now());
  }

  /** Until when everything ends that is valid now and was issued to a user. */
  userRevokedUntil(): UnixSeconds {
    const longest = Math.max(this.#longestTtl, this.options.ttl().maxSeconds);
    return this.credentialRevokedUntil(unixSeconds(this.options.now() + longest));
  }

  /** Until when everything ends that is valid now and was issued by a key. */
  keyRevokedUntil(key: Pick<StoredApiKey, 'limits'> | undefined): UnixSeconds {
    const own = key?.limits?.maxTtlSeconds;
    if (own === undefined) return this.userRevokedUntil();
    return this.credentialRevokedUntil(unixSeconds(this.options.now() + own));
  }

  async #readRevocations(store: Store): Promise<{ table: Revocations; isNew: readonly Revocation[] }> {
    const { maxRevocations, randomBytes, now } = this.options;
    const before = this.revocations;
    const table = new Revocations(maxRevocations, randomBytes);
    const isNew: Revocation[] = [];
    let isFull = false;
    for (const [i, revocation] of (await store.revocations(now())).entries()) {
      if (i % LOADED_AT_ONCE === LOADED_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
      if (before.until(revocation.kind, revocation.name) < revocation.until) isNew.push(revocation);
      if (!isFull && !table.add(revocation, now())) isFull = true;
    }
    if (isFull) this.#full();
    return { table, isNew };
  }

  #usersOfToday(stored: readonly StoredUser[]): ReadonlyMap<string, StoredUser> {
    return new Map(stored.filter(({ realm }) => realm === this.options.realm).map((user) => [user.name, user]));
  }

  #noteTtl({ limits }: VerifiedApiKey): void {
    this.#longestTtl = Math.max(this.#longestTtl, limits.maxTtlSeconds ?? 0, this.options.ttl().maxSeconds);
  }

  #full(): void {
    this.events.trouble('revocations-full', 'The store has more revocations than store.maxRevocations of this daemon.');
  }
}

function isSameUser(a: StoredUser, b: StoredUser | undefined): boolean {
  return b !== undefined && a.md5Key === b.md5Key && a.sha256Key === b.sha256Key;
}
