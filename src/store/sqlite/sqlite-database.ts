import type { StoredApiKey } from '../../credentials/api-keys.ts';
import type { UnixSeconds } from '../../turn/time.ts';
import type { Change, Changes, KeyBytes, Revocation, RevocationKind, StoredUser, Usage, UsageQuery } from '../store.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { addUsage, bytesOfKeys, findUsage, forgetUsage } from './sqlite-usage.ts';

/** Changes are kept for so long and no more of them: who is further behind reads everything anew. */
const KEEP_CHANGES_SECONDS = 3600;
const MOST_CHANGES = 100_000;
/** How many changes are read at once. */
const CHANGES_AT_ONCE = 1000;
/** How many rows are forgotten at once, so that nobody waits long for it. */
const FORGET_AT_ONCE = 5000;

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly secret_sha256: string;
  readonly scopes: string;
  readonly limits: string | null;
  readonly created_at: number;
}

interface UserRow {
  readonly name: string;
  readonly realm: string;
  readonly md5_key: string;
  readonly sha256_key: string | null;
  readonly created_at: number;
}

/**
 * The store in SQLite, with calls that hold up the thread until they are done. What may be large is read in pages, so that
 * whoever receives it is not held up either.
 */
export class SqliteDatabase {
  readonly #connection: SqliteConnection;

  /**
   * @param mayCommit asked at the end of each change; when it says no, nothing is changed.
   * @throws StoreError when it cannot be opened.
   */
  constructor(path: string, mayCommit?: () => boolean) {
    this.#connection = SqliteConnection.open(path, mayCommit);
  }

  /** Up to `most` keys whose id comes after this one, in order. */
  keyPage(after: string, most: number): StoredApiKey[] {
    return this.#connection
      .rows<KeyRow>('SELECT * FROM keys WHERE id > ? ORDER BY id LIMIT ?', after, most)
      .map(keyOfRow);
  }

  key(id: string): StoredApiKey | undefined {
    return this.#connection.rows<KeyRow>('SELECT * FROM keys WHERE id = ?', id).map(keyOfRow)[0];
  }

  addKey(key: StoredApiKey): boolean {
    return this.#connection.transaction(() => this.#insertKey(key));
  }

  addFirstKey(key: StoredApiKey): boolean {
    return this.#connection.transaction(() => {
      const isFirst = this.#connection.rows('SELECT 1 FROM keys LIMIT 1').length === 0;
      return isFirst && this.#insertKey(key);
    });
  }

  removeKey(id: string, revokedUntil: UnixSeconds): boolean {
    return this.#connection.transaction(() => {
      if (this.#connection.run('DELETE FROM keys WHERE id = ?', id) === 0) return false;
      this.#changed({ kind: 'key', id });
      this.#insertRevocation({ kind: 'key', name: id, until: revokedUntil });
      return true;
    });
  }

  /** Up to `most` users whose name comes after this one, in order. */
  userPage(after: string, most: number): StoredUser[] {
    return this.#connection
      .rows<UserRow>('SELECT * FROM users WHERE name > ? ORDER BY name LIMIT ?', after, most)
      .map(userOfRow);
  }

  putUser({ name, realm, md5Key, sha256Key, createdAt }: StoredUser): boolean {
    return this.#connection.transaction(() => {
      const isNew = this.#connection.rows('SELECT 1 FROM users WHERE name = ?', name).length === 0;
      const sql = 'INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)';
      this.#connection.run(sql, name, realm, md5Key, sha256Key ?? null, createdAt);
      this.#changed({ kind: 'user', name });
      return isNew;
    });
  }

  removeUser(name: string): boolean {
    return this.#connection.transaction(() => {
      if (this.#connection.run('DELETE FROM users WHERE name = ?', name) === 0) return false;
      this.#changed({ kind: 'user', name });
      return true;
    });
  }

  /** Up to `most` revocations in force that come after this one, in order. */
  revocationPage(after: Pick<Revocation, 'kind' | 'name'> | undefined, now: UnixSeconds, most: number): Revocation[] {
    const sql = `
      SELECT kind, name, until FROM revocations WHERE (kind, name) > (?, ?) AND until >= ? ORDER BY kind, name LIMIT ?`;
    return this.#connection.rows<Revocation>(sql, after?.kind ?? '', after?.name ?? '', now, most);
  }

  revoke(revocation: Revocation, most: number, now: UnixSeconds): boolean {
    const { kind, name } = revocation;
    return this.#connection.transaction(() => {
      const isKnown =
        this.#connection.rows('SELECT 1 FROM revocations WHERE (kind, name) = (?, ?)', kind, name).length > 0;
      const [{ total }] = this.#connection.rows<{ total: number }>('SELECT total FROM revocation_count') as [
        { total: number },
      ];
      if (!isKnown && total >= most && total - this.#forgetRevocations(now) >= most) return false;
      this.#insertRevocation(revocation);
      return true;
    });
  }

  unrevoke(kind: RevocationKind, name: string): boolean {
    return this.#connection.transaction(() => {
      if (this.#connection.run('DELETE FROM revocations WHERE (kind, name) = (?, ?)', kind, name) === 0) return false;
      this.#changed({ kind: 'unrevocation', of: kind, name });
      return true;
    });
  }

  addUsage(usage: readonly Usage[]): void {
    addUsage(this.#connection, usage);
  }

  usage(query: UsageQuery): Usage[] {
    return findUsage(this.#connection, query);
  }

  bytesOfKeys(keys: readonly string[], day: string): Map<string, KeyBytes> {
    return bytesOfKeys(this.#connection, keys, day);
  }

  position(): string {
    return String(this.#lastChange());
  }

  /** The changes since, some of them when there are many; `undefined` when some of them are forgotten. */
  changesAfter(position: string): Changes | undefined {
    const after = Number(position);
    const sql = 'SELECT seq, change FROM changes WHERE seq > ? ORDER BY seq LIMIT ?';
    return this.#connection.snapshot(() => {
      const rows = this.#connection.rows<{ seq: number; change: string }>(sql, after, CHANGES_AT_ONCE);
      const [first] = rows;
      // They are numbered without a gap.
      if (first === undefined ? this.#lastChange() !== after : first.seq !== after + 1) return undefined;
      const changes = rows.map(({ change }) => JSON.parse(change) as Change);
      return { changes, position: String(after + rows.length) };
    });
  }

  /** Forgets some of what is of no use any more; whether there may be more. */
  pruneSome(now: UnixSeconds, oldestDay: string): boolean {
    return this.#connection.transaction(() => {
      const revocations = this.#forgetRevocations(now);
      const changes = this.#connection.run(
        'DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE at < ? ORDER BY seq LIMIT ?)',
        now - KEEP_CHANGES_SECONDS,
        FORGET_AT_ONCE,
      );
      const usage = forgetUsage(this.#connection, oldestDay, FORGET_AT_ONCE);
      return usage || revocations === FORGET_AT_ONCE || changes === FORGET_AT_ONCE;
    });
  }

  close(): void {
    this.#connection.close();
  }

  #insertKey({ id, name, secretSha256, scopes, limits, createdAt }: StoredApiKey): boolean {
    const added = this.#connection.run(
      'INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
      ...[id, name, secretSha256, JSON.stringify(scopes), limits ? JSON.stringify(limits) : null, createdAt],
    );
    if (added === 0) return false;
    this.#changed({ kind: 'key', id });
    return true;
  }

  /** Of two for the same thing the longer one counts. */
  #insertRevocation(revocation: Revocation): void {
    const { kind, name, until } = revocation;
    const sql = `
      INSERT INTO revocations VALUES (?, ?, ?)
      ON CONFLICT (kind, name) DO UPDATE SET until = excluded.until WHERE excluded.until > until`;
    if (this.#connection.run(sql, kind, name, until) > 0) this.#changed({ kind: 'revocation', revocation });
  }

  /** Forgets some of those that have run out; how many that were. */
  #forgetRevocations(now: UnixSeconds): number {
    return this.#connection.run(
      `DELETE FROM revocations WHERE (kind, name) IN
         (SELECT kind, name FROM revocations WHERE until < ? ORDER BY until LIMIT ?)`,
      now,
      FORGET_AT_ONCE,
    );
  }

  #changed(change: Change): void {
    this.#connection.run('INSERT INTO changes (at, change) VALUES (unixepoch(), ?)', JSON.stringify(change));
    this.#connection.run('DELETE FROM changes WHERE seq <= ?', this.#lastChange() - MOST_CHANGES);
  }

  #lastChange(): number {
    const sql = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'";
    return this.#connection.rows<{ seq: number }>(sql)[0]?.seq ?? 0;
  }
}

function keyOfRow(row: KeyRow): StoredApiKey {
  return {
    id: row.id,
    name: row.name,
    secretSha256: row.secret_sha256,
    scopes: JSON.parse(row.scopes),
    ...(row.limits === null ? {} : { limits: JSON.parse(row.limits) }),
    createdAt: row.created_at,
  };
}

function userOfRow(row: UserRow): StoredUser {
  return {
    name: row.name,
    realm: row.realm,
    md5Key: row.md5_key,
    sha256Key: row.sha256_key ?? undefined,
    createdAt: row.created_at as UnixSeconds,
  };
}
