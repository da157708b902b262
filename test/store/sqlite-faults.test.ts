/** What may happen to an SQLite database, and what the store makes of it. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteDatabase } from '../../src/store/sqlite/sqlite-database.ts';
import { databaseFile, SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { StoreError } from '../../src/store/store.ts';
import { unixSeconds } from '../../src/turn/time.ts';
import { RunningProgram } from '../interop/peers.ts';
import { now, sqlitePlace, storedKey, usageOf } from './kinds.ts';

let place: Awaited<ReturnType<typeof sqlitePlace>>;
let file: string;

beforeEach(async () => {
  place = await sqlitePlace();
  file = databaseFile(place.dataDir);
});
afterEach(() => place.remove());

describe('a database file', () => {
  it('is for its owner alone', async () => {
    const store = await SqliteStore.open(place.dataDir);
    await store.addKey(storedKey('a'));
    for (const end of ['', '-wal', '-shm']) expect(statSync(file + end).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('is made by whoever comes first', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => SqliteStore.open(place.dataDir)));
    const added = await Promise.all(stores.map((store, i) => store.addFirstKey(storedKey(`k${i}`))));
    expect(added.filter(Boolean)).toHaveLength(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  it.each([
    ['is no database', () => writeFileSync(file, 'no database '.repeat(1000)), /is damaged.*restore it from a backup/],
    ['is a directory', () => mkdirSync(file), /cannot be opened: check the owner and the mode/],
    ['has no directory', () => rmSync(place.dataDir, { recursive: true }), /cannot be used \(ENOENT\)/],
    ['is from a newer version', () => setVersion(99), /written by a newer taciturn \(its schema is 99/],
  ])('that %s keeps the store from opening, with what to do', async (_, make, sentence) => {
    make();
    const opening = SqliteStore.open(place.dataDir);
    await expect(opening).rejects.toThrow(StoreError);
    await expect(opening).rejects.toThrow(sentence);
    mkdirSync(place.dataDir, { recursive: true });
  });

  function setVersion(version: number): void {
    new SqliteDatabase(file).close();
    const database = new Database(file);
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
  }

  it('that is damaged while in use is told of', async () => {
    let store = await SqliteStore.open(place.dataDir);
    for (let i = 0; i < 200; i++) await store.addKey(storedKey(`k${i}`));
    await store.close();
    const { size } = statSync(file);
    writeFileSync(file, Buffer.alloc(size - 4096, 0xee), { flag: 'r+' });
    appendFileSync(file, '');
    await expect(
      (async () => {
        store = await SqliteStore.open(place.dataDir);
        await store.keys();
      })(),
    ).rejects.toThrow(/is damaged/);
    await store.close();
  });

  it('is readable and complete after the process that writes was killed', { timeout: 60_000 }, async () => {
    const rows = 20;
    let least = 0;
    for (const after of [1, 50, 333]) {
      const writer = new RunningProgram(process.execPath, [
        join(import.meta.dirname, 'usage-writer.js'),
        file,
        String(rows),
      ]);
      await writer.waitFor(new RegExp(`written ${after}\\.`));
      await writer.stop('SIGKILL');
      least += Number([...writer.stdout.matchAll(/written (\d+)\./g)].at(-1)![1]);
      const database = new SqliteDatabase(file);
      const usage = database.usage({ limit: 1000 });
      expect(usage).toHaveLength(rows);
      // Each time all rows have been written or none.
      expect(new Set(usage.map(({ allocations }) => allocations)).size).toBe(1);
      expect(usage[0]!.allocations).toBeGreaterThanOrEqual(least);
      least = usage[0]!.allocations;
      database.close();
    }
    const [check] = new Database(file).prepare('PRAGMA integrity_check').all() as Record<string, unknown>[];
    expect(check).toMatchObject({ integrity_check: 'ok' });
  });
});

describe('a store in SQLite', () => {
  it('that is locked by another program says so, and works again afterwards', async () => {
    const store = await SqliteStore.open(place.dataDir);
    const shell = new Database(file);
    shell.exec('BEGIN IMMEDIATE');
    const adding = store.addKey(storedKey('a'));
    const reading = store.keys();
    await expect(adding).rejects.toThrow(/is locked by another program.*end what holds it/);
    expect(await reading).toEqual([]);
    shell.exec('ROLLBACK');
    shell.close();
    expect(await store.addKey(storedKey('a'))).toBe(true);
    await store.close();
  });

  it('begins no call when its time is over', async () => {
    const store = await SqliteStore.open(place.dataDir);
    const shell = new Database(file);
    shell.exec('BEGIN IMMEDIATE');
    // Each of them waits for the lock; together they take longer than a call may.
    const calls = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => store.addKey(storedKey(id))));
    expect(calls.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    shell.exec('ROLLBACK');
    shell.close();
    expect(await store.keys()).toEqual([]);
    await store.close();
  });

  it('gets another thread when its own has died', async () => {
    const store = await SqliteStore.open(place.dataDir);
    await store.addKey(storedKey('a'));
    const position = await store.position();
    const waiting = store.changesAfter(position, 60_000).catch((error: unknown) => error);
    await store.killThread();
    expect(await store.addKey(storedKey('b'))).toBe(true);
    // It was told so if it had asked just then; else it goes on with the new thread.
    const told = await waiting;
    if (!(told instanceof StoreError)) expect(told).toMatchObject({ changes: [{ kind: 'key', id: 'b' }] });
    expect((await store.changesAfter(position, 0))?.changes).toEqual([{ kind: 'key', id: 'b' }]);
    await store.close();
  });

  it('that is closed gets no other thread', async () => {
    const store = await SqliteStore.open(place.dataDir);
    await store.killThread();
    const asked = store.keys().catch((error: unknown) => error);
    await store.close();
    expect(await asked).toEqual(new StoreError(`${file} is closed.`));
  });

  it('forgets old changes, and tells who has not seen them to read everything anew', async () => {
    const database = new SqliteDatabase(file);
    const position = database.position();
    database.addKey(storedKey('a'));
    const seen = database.position();
    // Of an hour's changes nothing is forgotten.
    database.pruneSome(unixSeconds(Date.now() / 1000 + 3000), '2026-01-01');
    expect(database.changesAfter(position)?.changes).toHaveLength(1);
    database.pruneSome(unixSeconds(Date.now() / 1000 + 4000), '2026-01-01');
    expect(database.changesAfter(position)).toBeUndefined();
    expect(database.changesAfter(seen)).toEqual({ changes: [], position: seen });
    database.addKey(storedKey('b'));
    expect(database.changesAfter(position)).toBeUndefined();
    expect(database.changesAfter(seen)?.changes).toEqual([{ kind: 'key', id: 'b' }]);
    database.close();
  });

  it('keeps no more changes than it says, also between two times of forgetting', () => {
    const database = new SqliteDatabase(file);
    const position = database.position();
    const shell = new Database(file);
    shell.exec("INSERT INTO changes (seq, at, change) SELECT value, unixepoch(), '{}' FROM generate_series(1, 100000)");
    database.addKey(storedKey('a'));
    expect(shell.prepare('SELECT count(*) AS count, min(seq) AS first FROM changes').get()).toMatchObject({
      count: 100_000,
      first: 2,
    });
    expect(database.changesAfter(position)).toBeUndefined();
    shell.close();
    database.close();
  });

  it('changes nothing when it may not commit', () => {
    let mayCommit = true;
    const database = new SqliteDatabase(file, () => mayCommit);
    mayCommit = false;
    expect(() => database.addUsage([usageOf()])).toThrow(StoreError);
    mayCommit = true;
    expect(database.usage({ limit: 1 })).toEqual([]);
    database.close();
  });
});

describe.skipIf(!canMount())('a store on a full disk', () => {
  beforeEach(() => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', place.dataDir]);
  });
  afterEach(() => {
    execFileSync('umount', [place.dataDir]);
  });

  it('says so, can be read, and writes again as soon as there is room', async () => {
    const store = await SqliteStore.open(place.dataDir);
    await store.addUsage([usageOf()]);
    const hog = join(place.dataDir, 'hog');
    expect(() => writeFileSync(hog, Buffer.alloc(2 ** 21))).toThrow(/ENOSPC/);
    const large = Array.from({ length: 2000 }, (_, i) => usageOf({ user: `user-${i}` }));
    await expect(store.addUsage(large)).rejects.toThrow(/no room left|check the disk and its room/);
    await expect(store.addUsage(large)).rejects.toThrow(StoreError);
    expect(await store.usage({ limit: 10 })).toEqual([usageOf()]);
    rmSync(hog);
    await store.addUsage(large.slice(0, 100));
    expect(await store.usage({ limit: 1000 })).toHaveLength(101);
    expect(await store.revoke({ kind: 'user', name: 'bob', until: now }, 10, now)).toBe(true);
    await store.close();
  });
});

/** Whether file systems can be mounted here. When not, the reason is printed; in CI that is an error. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    const reason = 'file systems cannot be mounted here (that needs root on Linux)';
    if (process.env.CI === 'true') throw new Error(reason);
    process.stderr.write(`skipped: ${reason}\n`);
    return false;
  }
}
