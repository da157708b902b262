import { accessSync, constants, statSync } from 'node:fs';
import Database from 'libsql';
import { storeErrorOf } from '../../store/sqlite/sqlite-failure.ts';
import { migrations } from '../../store/sqlite/sqlite-schema.ts';
import { StoreError } from '../../store/store.ts';
import type { StoreLook } from './store-look.ts';

/** How long the running server may hold the lock; it does so for milliseconds. */
const lockTimeoutMs = 2000;
/** To check every page of a larger database would take long. */
const mostCheckedBytes = 64 * 1024 * 1024;

/** Looks into the database without making, migrating or changing anything. */
export function lookAtSqlite(path: string): StoreLook {
  try {
    const { size } = statSync(path);
    accessSync(path, constants.R_OK);
    const database = openDatabase(path);
    try {
      return examine(database, path, size);
    } finally {
      database.close();
    }
  } catch (error) {
    return failed(error, path);
  }
}

function openDatabase(path: string): Database.Database {
  try {
    return new Database(path, { timeout: lockTimeoutMs });
  } catch (error) {
    throw Object.assign(error as Error, { code: 'SQLITE_CANTOPEN' });
  }
}

function examine(database: Database.Database, path: string, size: number): StoreLook {
  const found = number(database, 'PRAGMA user_version', 'user_version');
  const schema = { found, known: migrations.length };
  if (found > schema.known) return { state: 'newer', schema };
  if (size <= mostCheckedBytes) {
    const [row] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
    if (row?.quick_check !== 'ok') throw Object.assign(new Error('damaged'), { code: 'SQLITE_CORRUPT' });
  }
  const isEmpty = found === 0;
  const keys = isEmpty ? 0 : number(database, 'SELECT count(*) AS count FROM keys', 'count');
  const users = isEmpty ? 0 : number(database, 'SELECT count(*) AS count FROM users', 'count');
  const unwritable = whyUnwritable(database, path);
  return { state: 'there', schema, keys, users, ...(unwritable !== undefined && { unwritable }) };
}

function number(database: Database.Database, sql: string, column: string): number {
  const [row] = database.prepare(sql).all() as Record<string, number>[];
  return row![column]!;
}

/** Takes the lock of a writer and gives it back. */
function whyUnwritable(database: Database.Database, path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    // SQLite itself would take the lock of a reader in its place, and be content.
    return sentenceOf(Object.assign(error as Error, { code: 'SQLITE_READONLY' }), path);
  }
  try {
    database.exec('BEGIN IMMEDIATE');
    database.exec('ROLLBACK');
    return undefined;
  } catch (error) {
    return sentenceOf(error, path);
  }
}

function failed(error: unknown, path: string): StoreLook {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'missing' };
  if (code === 'EACCES') return { state: 'closed' };
  return { state: 'unavailable', why: sentenceOf(error, path) };
}

function sentenceOf(error: unknown, path: string): string {
  const told = storeErrorOf(error, path);
  if (told instanceof StoreError) return told.message;
  return `${path} is no database of taciturn (${(error as Error).message}).`;
}
