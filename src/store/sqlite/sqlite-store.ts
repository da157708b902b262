import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { StoredApiKey } from '../../credentials/api-keys.ts';
import type { UnixSeconds } from '../../turn/time.ts';
import {
  type Changes,
  type KeyBytes,
  type Revocation,
  type RevocationKind,
  type Store,
  type StoredUser,
  StoreError,
  type Usage,
  type UsageQuery,
} from '../store.ts';
import type { SqliteArguments, SqliteMethod, SqliteResult } from './sqlite-calls.ts';
import { SqliteThread } from './sqlite-thread.ts';

/** How often other processes' changes are looked for. */
const LOOK_EVERY_MS = 200;
/** How many rows are received at once: more would hold up this thread. */
const PAGE = 2000;
/** A thread that has died is not replaced more often than this. */
const RESTART_AFTER_MS = 1000;

/** Where the database is. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'taciturn.db');
}

/** The store in a file, which the daemon and the command line may have open at once. Only one daemon works with it. */
export class SqliteStore implements Store {
  readonly kind = 'sqlite';
  readonly sharedQuotas = undefined;
  readonly #path: string;
  readonly #closing = new AbortController();
  #thread: Promise<SqliteThread>;
  #restartAt = 0;

  private constructor(path: string, thread: SqliteThread) {
    this.#path = path;
    this.#thread = Promise.resolve(thread);
  }

  /** @throws StoreError when the database cannot be opened. */
  static async open(dataDir: string): Promise<SqliteStore> {
    const path = databaseFile(dataDir);
    return new SqliteStore(path, await SqliteThread.start(path));
  }

  keys(): Promise<StoredApiKey[]> {
    return allPages<StoredApiKey>((last) => this.#call('keyPage', last?.id ?? '', PAGE));
  }

  key(id: string): Promise<StoredApiKey | undefined> {
    return this.#call('key', id);
  }

  addKey(key: StoredApiKey): Promise<boolean> {
    return this.#call('addKey', key);
  }

  addFirstKey(key: StoredApiKey): Promise<boolean> {
    return this.#call('addFirstKey', key);
  }

  removeKey(id: string, revokedUntil: UnixSeconds): Promise<boolean> {
    return this.#call('removeKey', id, revokedUntil);
  }

  users(): Promise<StoredUser[]> {
    return allPages<StoredUser>((last) => this.#call('userPage', last?.name ?? '', PAGE));
  }

  putUser(user: StoredUser): Promise<boolean> {
    return this.#call('putUser', user);
  }

  removeUser(name: string): Promise<boolean> {
    return this.#call('removeUser', name);
  }

  revocations(now: UnixSeconds): Promise<Revocation[]> {
    return allPages<Revocation>((last) => this.#call('revocationPage', last, now, PAGE));
  }

  revoke(revocation: Revocation, most: number, now: UnixSeconds): Promise<boolean> {
    return this.#call('revoke', revocation, most, now);
  }

  unrevoke(kind: RevocationKind, name: string): Promise<boolean> {
    return this.#call('unrevoke', kind, name);
  }

  addUsage(usage: readonly Usage[]): Promise<void> {
    return this.#call('addUsage', usage);
  }

  usage(query: UsageQuery): Promise<Usage[]> {
    return this.#call('usage', query);
  }

  bytesOfKeys(keys: readonly string[], day: string): Promise<ReadonlyMap<string, KeyBytes>> {
    return this.#call('bytesOfKeys', keys, day);
  }

  position(): Promise<string> {
    return this.#call('position');
  }

  async changesAfter(position: string, waitMilliseconds: number): Promise<Changes | undefined> {
    for (let left = waitMilliseconds; ; left -= LOOK_EVERY_MS) {
      const found = await this.#call('changesAfter', position);
      if (found === undefined || found.changes.length > 0 || left <= 0) return found;
      // When it is closed meanwhile, the next look says so.
      await pause(Math.min(left, LOOK_EVERY_MS), undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }

  async prune(now: UnixSeconds, oldestDay: string): Promise<void> {
    // One step at a time, so that others come in between.
    while (await this.#call('pruneSome', now, oldestDay));
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const thread = await this.#thread.catch(() => undefined);
    await thread?.close();
  }

  /** Ends the thread as a fault in it would: for tests. */
  async killThread(): Promise<void> {
    await (await this.#thread).kill();
  }

  async #call<M extends SqliteMethod>(method: M, ...values: SqliteArguments<M>): Promise<SqliteResult<M>> {
    const thread = await this.#runningThread();
    return thread.call(method, ...values);
  }

  /** The thread, or another one in the place of one that has died. */
  async #runningThread(): Promise<SqliteThread> {
    const current = this.#thread;
    const thread = await current.catch(() => undefined);
    // Looked at here, and not before: it may have been closed meanwhile, and shall get no other thread.
    if (this.#closing.signal.aborted) throw new StoreError(`${this.#path} is closed.`);
    if (thread !== undefined && !thread.isOver) return thread;
    if (this.#thread === current && performance.now() >= this.#restartAt) {
      this.#restartAt = performance.now() + RESTART_AFTER_MS;
      this.#thread = SqliteThread.start(this.#path);
    }
    // Whoever comes while none may be started is told why the last one is none.
    return this.#thread;
  }
}

async function allPages<T>(page: (last: T | undefined) => Promise<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const some = await page(all.at(-1));
    for (const one of some) all.push(one);
    if (some.length < PAGE) return all;
  }
}
