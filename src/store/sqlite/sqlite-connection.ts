import { closeSync, openSync } from 'node:fs';
import Database from 'libsql';
import { StoreError } from '../store.ts';
import { storeErrorOf } from './sqlite-failure.ts';
import { migrations } from './sqlite-schema.ts';

/** How long to wait for a lock of another process. Ours hold one for milliseconds. */
const BUSY_TIMEOUT_MS = 2000;
/** How often to try to change the journal's mode, for which SQLite does not wait by itself. */
const WAL_ATTEMPTS = 50;
const WAL_PAUSE_MS = 20;

export type SqlValue = string | number | null;

/** An open database of the newest version. Every failure that is not a bug of ours is a {@link StoreError}. */
export class SqliteConnection {
  readonly #path: string;
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  readonly #mayCommit: () => boolean;

  /**
   * Opens the database; makes it when there is none, so that only its owner may read it.
   *
   * @param mayCommit asked at the end of each transaction; when it says no, nothing is changed.
   * @throws StoreError
   */
  static open(path: string, mayCommit: () => boolean = () => true): SqliteConnection {
    return telling(path, () => {
      createPrivately(path);
      const database = openDatabase(path);
      try {
        return new SqliteConnection(path, database, mayCommit);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  private constructor(path: string, database: Database.Database, mayCommit: () => boolean) {
    this.#path = path;
    this.#database = database;
    this.#mayCommit = mayCommit;
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    this.#refuseNewer();
    this.#useWriteAheadLog();
    database.exec('PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864');
    this.#migrate();
  }

  /** All rows of a query. */
  rows<T>(sql: string, ...values: readonly SqlValue[]): T[] {
    return telling(this.#path, () => this.#prepared(sql).all(...values) as T[]);
  }

  /** Runs a statement; how many rows it has changed. */
  run(sql: string, ...values: readonly SqlValue[]): number {
    return telling(this.#path, () => this.#prepared(sql).run(...values).changes);
  }

  /** All of it or nothing. Nobody else writes meanwhile. */
  transaction<T>(work: () => T): T {
    return this.#between('BEGIN IMMEDIATE', () => {
      const result = work();
      if (!this.#mayCommit()) throw new StoreError(`${this.#path} was too slow: it has been given up.`);
      return result;
    });
  }

  /** All queries see the database as it is at one moment. */
  snapshot<T>(read: () => T): T {
    return this.#between('BEGIN', read);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #between<T>(begin: string, work: () => T): T {
    return telling(this.#path, () => {
      this.#database.exec(begin);
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        // A full disk ends the transaction by itself.
        if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #prepared(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #version(): number {
    const [row] = this.#database.prepare('PRAGMA user_version').all() as { user_version: number }[];
    return row!.user_version;
  }

  #refuseNewer(): void {
    const version = this.#version();
    if (version <= migrations.length) return;
    throw new StoreError(
      `${this.#path} was written by a newer taciturn (its schema is ${version}, this one knows ${migrations.length}). Run that one again, or restore a backup from before it.`,
    );
  }

  #useWriteAheadLog(): void {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#database.prepare('PRAGMA journal_mode = WAL').all();
        return;
      } catch (error) {
        if (!/^SQLITE_(BUSY|LOCKED)/.test(String((error as { code?: unknown }).code)) || attempt === WAL_ATTEMPTS)
          throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAL_PAUSE_MS);
      }
    }
  }

  /** Another process may be at it too; so the version counts that is found once nobody else can write. */
  #migrate(): void {
    if (this.#version() === migrations.length) return;
    this.#between('BEGIN IMMEDIATE', () => {
      this.#refuseNewer();
      for (const step of migrations.slice(this.#version())) this.#database.exec(step);
      this.#database.exec(`PRAGMA user_version = ${migrations.length}`);
    });
  }
}

function telling<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeErrorOf(error, path);
  }
}

function openDatabase(path: string): Database.Database {
  try {
    return new Database(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    // That it cannot be opened comes without the name that other failures have.
    throw (error as { code?: unknown }).code === ''
      ? Object.assign(error as Error, { code: 'SQLITE_CANTOPEN' })
      : error;
  }
}

/** SQLite gives its further files the mode of this one. It is not opened when it exists: to close it would drop SQLite's locks. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
