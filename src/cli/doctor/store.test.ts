import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import { migrations } from '../../store/sqlite/sqlite-schema.ts';
import type { HttpService } from './http-service.ts';
import { storeFindings } from './store.ts';
import { lookAtStore, type StoreLook } from './store-look.ts';

let dataDir: string;
let path: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'taciturn-store-look-'));
  path = join(dataDir, 'taciturn.db');
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** A database as a server of this schema leaves it. */
function makeDatabase(version: number = migrations.length, then = ''): void {
  const database = new Database(path);
  database.exec('PRAGMA journal_mode = WAL');
  for (const step of migrations) database.exec(step);
  database.exec(`PRAGMA user_version = ${version}; ${then}`);
  database.close();
}

const look = () => lookAtStore(configured({ TACITURN_DATA_DIR: dataDir }));

describe('a look at the store', () => {
  it('makes no database', async () => {
    expect(await look()).toEqual({ state: 'missing' });
    expect(existsSync(path)).toBe(false);
  });

  it('counts keys and users, also beside a program that works with it', async () => {
    makeDatabase(undefined, "INSERT INTO users VALUES ('a', 'r', '0', NULL, 1)");
    const server = new Database(path);
    server.exec("INSERT INTO users VALUES ('b', 'r', '0', NULL, 1)");
    const versions = { found: migrations.length, known: migrations.length };
    expect(await look()).toEqual({ state: 'there', keys: 0, users: 2, schema: versions });
    server.close();
  });

  it('neither reads nor changes a newer schema', async () => {
    makeDatabase(migrations.length + 3);
    expect(await look()).toEqual({
      state: 'newer',
      schema: { found: migrations.length + 3, known: migrations.length },
    });
  });

  it.each(['this is no database, however long it may be. '.repeat(200), ''])('tells what is damaged', async (text) => {
    writeFileSync(path, text);
    const found = await look();
    if (text === '') expect(found).toMatchObject({ state: 'there', keys: 0, schema: { found: 0 } });
    else expect(found).toMatchObject({ state: 'unavailable', why: expect.stringContaining(`${path} is damaged`) });
  });

  it('finds that another program keeps it locked', async () => {
    makeDatabase();
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    expect(await look()).toMatchObject({ state: 'there', unwritable: expect.stringContaining('is locked') });
    other.close();
  });

  it('says that Redis cannot be reached, and never its password', async () => {
    const found = await lookAtStore(
      configured({ TACITURN_STORE__REDIS: 'redis://user:pa55word-of-redis@127.0.0.1:1/0' }),
    );
    expect(found).toEqual({ state: 'unavailable', why: 'Redis at 127.0.0.1:1 cannot be reached (ECONNREFUSED).' });
  });
});

const schema = { found: 1, known: 1 };
const running: HttpService = { state: 'answers', url: 'http://127.0.0.1:8080', metrics: new Map() };
const none: HttpService = { state: 'off' };

async function judge(found: StoreLook, service: HttpService = none, environment: Record<string, string> = {}) {
  const configuration = configured({ TACITURN_DATA_DIR: '/var/lib/taciturn', ...environment });
  const findings = await storeFindings(configuration, service, '/etc/taciturn.yaml', {
    lookAtStore: async () => found,
  });
  for (const { level, sentence, fix } of findings) {
    expect(sentence).toMatch(/^\S.*\.$/);
    if (level !== 'ok') expect(fix).toMatch(/^[A-Z].*\S$/);
  }
  return findings.map(({ level, code }) => `${level} ${code}`);
}

describe('findings about the store', () => {
  it.each<[StoreLook, HttpService, readonly string[]]>([
    [{ state: 'there', schema, keys: 1, users: 0 }, running, ['ok store']],
    [{ state: 'there', schema, keys: 0, users: 0 }, running, ['ok store', 'warning no_api_key']],
    [
      { state: 'there', schema, keys: 1, users: 0, unwritable: 'It is locked.' },
      running,
      ['ok store', 'problem store_unwritable'],
    ],
    [
      { state: 'there', schema: { found: 1, known: 2 }, keys: 1, users: 0 },
      running,
      ['ok store', 'warning store_older'],
    ],
    [{ state: 'newer', schema: { found: 9, known: 1 } }, none, ['problem store_newer']],
    [{ state: 'closed' }, none, ['not-tested store_closed']],
    [{ state: 'missing' }, none, ['not-tested store_missing']],
    [{ state: 'missing' }, running, ['problem store_vanished']],
    [{ state: 'unavailable', why: 'It is damaged.' }, none, ['problem store_unusable']],
  ])('say what was found: %j', async (found, service, codes) => {
    expect(await judge(found, service)).toEqual(codes);
  });

  it('are about Redis where that is the store', async () => {
    const environment = { TACITURN_STORE__REDIS: 'redis://127.0.0.1:6379' };
    const why = 'Redis at 127.0.0.1:6379 does not answer.';
    expect(await judge({ state: 'unavailable', why }, none, environment)).toEqual(['problem redis_unreachable']);
    expect(await judge({ state: 'there', keys: 3, users: 1 }, none, environment)).toEqual(['ok store']);
  });

  it('ask for no key where there is no HTTP service', async () => {
    const environment = { TACITURN_HTTP__ENABLED: 'false' };
    expect(await judge({ state: 'there', schema, keys: 0, users: 0 }, none, environment)).toEqual(['ok store']);
  });

  it('tell what the running server says of its store', async () => {
    const service = { ...running, metrics: new Map([['taciturn_store_available', 0]]) };
    expect(await judge({ state: 'there', schema, keys: 1, users: 0 }, service)).toEqual([
      'ok store',
      'problem store_unavailable',
    ]);
  });
});
