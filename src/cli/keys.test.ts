import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandOptions, runCommand } from '../../test/cli/command-run.ts';
import { ApiKeys } from '../credentials/api-keys.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { unixSeconds } from '../turn/time.ts';

let directory: string;
let dataDir: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-keys-'));
  dataDir = join(directory, 'data');
});
afterEach(() => rmSync(directory, { recursive: true }));

function keys(line: readonly string[], options: CommandOptions = {}) {
  return runCommand(['keys', ...line], { ...options, env: { TACITURN_DATA_DIR: dataDir, ...options.env } });
}

/** What a running server would see. */
async function inStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ dataDir, redis: undefined, redisPrefix: '' });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function create(...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await keys(['create', '--name', 'app', '--scope', 'issue', ...more]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

function auditLog(file = join(dataDir, 'audit.jsonl')): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const now = unixSeconds(Date.now() / 1000);

describe('taciturn keys create', () => {
  it('makes a key that the store has the hash of, and shows it once', async () => {
    const key = await create('--scope', 'read');
    expect(key).toMatch(/^[\w-]{12}\.[\w-]{32}$/);
    const stored = await inStore((store) => store.keys());
    const verified = new ApiKeys(stored).verify(key);
    expect(stored).toHaveLength(1);
    expect(stored[0]).toMatchObject({ name: 'app' });
    expect([...verified!.scopes]).toEqual(['issue', 'read']);
    for (const file of readdirSync(dataDir)) {
      expect(readFileSync(join(dataDir, file), 'latin1')).not.toContain(key.split('.')[1]);
    }
    expect((await keys(['list', '--json'])).stdout).not.toContain(stored[0]!.secretSha256);
  });

  it('stores the limits that are given', async () => {
    const limits = [
      '--max-ttl',
      '8h',
      '--rate',
      '50',
      '--user-prefix',
      'a-',
      '--allocations',
      '10',
      '--end-over-budget',
    ];
    const budgets = ['--bytes-per-day', '10GB', '--bytes-per-month', '100GB'];
    await create(...limits, ...budgets, '--origin', 'https://a.example', '--origin', 'http://localhost:8000');
    const [stored] = await inStore((store) => store.keys());
    expect(stored!.limits).toEqual({
      maxTtlSeconds: 28_800,
      requestsPerSecond: 50,
      userPrefix: 'a-',
      allocations: 10,
      endOverBudget: true,
      bytesPerDay: 10e9,
      bytesPerMonth: 100e9,
      origins: ['https://a.example', 'http://localhost:8000'],
    });
  });

  it('puts nothing but the key on stdout, and says the rest on stderr', async () => {
    const { stdout, stderr } = await keys(['create', '--name', 'app', '--scope', 'issue', '--max-ttl', '2h']);
    expect(stdout).toMatch(/^\S+\n$/);
    expect(stderr).toMatch(/^note: no server has used/);
    expect(stderr).toContain('The key app may: issue (TTL up to 2h).');
    expect(stderr).not.toContain(stdout.trim());
    expect((await keys(['create', '--name', 'b', '--scope', 'issue'])).stderr).not.toContain('note:');
  });

  it('gives all of it as JSON', async () => {
    const { stdout } = await keys(['create', '--json', '--name', 'app', '--scope', 'issue', '--rate', '5']);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      key: expect.stringMatching(/\./),
      id: expect.any(String),
      name: 'app',
      scopes: ['issue'],
      limits: { requestsPerSecond: 5 },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it('is written down in the audit log, without the secret', async () => {
    const [id, secret] = (await create()).split('.');
    const [record, ...more] = auditLog();
    expect(more).toEqual([]);
    expect(record).toMatchObject({
      action: 'key-created',
      by: userInfo().username,
      via: 'command',
      from: hostname(),
      subject: id,
      details: { name: 'app', scopes: ['issue'] },
    });
    expect(JSON.stringify(record)).not.toContain(secret);
    expect(Date.parse(String(record!.at)) / 1000).toBeGreaterThanOrEqual(now - 1);
  });

  it('writes the audit log where the configuration says, or not at all', async () => {
    const file = join(directory, 'elsewhere.jsonl');
    const line = ['create', '--name', 'app', '--scope', 'issue'];
    await keys(line, { env: { TACITURN_AUDIT__FILE: file } });
    expect(auditLog(file)).toHaveLength(1);
    await keys(line, { env: { TACITURN_AUDIT__ENABLED: 'no' } });
    expect(existsSync(join(dataDir, 'audit.jsonl'))).toBe(false);
    const { code, stderr } = await keys(line, { env: { TACITURN_AUDIT__FILE: join(directory, 'none', 'x') } });
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/audit log .* \(ENOENT\)/) });
  });

  it.each([
    [['--scope', 'issue'], /--name/],
    [['--name', 'a'], /--scope/],
    [['--name', 'a', '--scope', 'write'], /issue, revoke, read, admin, not write/],
    [['--name', 'a\nb', '--scope', 'issue'], /without control characters/],
    [['--name', 'a', '--scope', 'issue', '--max-ttl', 'long'], /--max-ttl takes a duration/],
    [['--name', 'a', '--scope', 'issue', '--max-ttl', '1500ms'], /whole seconds/],
    [['--name', 'a', '--scope', 'issue', '--max-ttl', '400d'], /up to 366d/],
    [['--name', 'a', '--scope', 'issue', '--max-ttl', '10s'], /below credentials.ttl.min/],
    [['--name', 'a', '--scope', 'issue', '--rate', '0'], /--rate takes a whole number from 1/],
    [['--name', 'a', '--scope', 'issue', '--bytes-per-day', '0'], /--bytes-per-day takes a size/],
    [['--name', 'a', '--scope', 'issue', '--bytes-per-day', '9007199254740992'], /--bytes-per-day takes a size/],
    [['--name', 'a', '--scope', 'issue', '--user-prefix', 'a:'], /--user-prefix takes 1 to 32/],
    [['--name', 'a', '--scope', 'issue', '--origin', 'app.example'], /--origin takes scheme, host/],
    [['--name', 'a', '--scope', 'issue', '--origin', 'https://a.example/'], /--origin takes scheme, host/],
    [['--name', 'a', '--scope', 'issue', '--origin', 'https://A.example:443'], /browsers send https:\/\/a.example;/],
    [['--name', 'a', '--scope', 'issue', '--end-over-budget'], /needs a budget/],
  ])('refuses %j', async (line, reason) => {
    const { code, stdout, stderr } = await keys(['create', ...line]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(reason);
  });
});

describe('taciturn keys list', () => {
  it('shows the keys with scopes and limits in 80 columns', async () => {
    await create('--max-ttl', '8h', '--origin', 'https://a.example', '--bytes-per-day', '10GB');
    await keys(['create', '--name', 'a name that is far too long for a table', '--scope', 'admin', '--scope', 'read']);
    const { code, stdout } = await keys(['list'], { terminal: 80, env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines[0]).toMatch(/^ID {12}NAME .* SCOPES .* CREATED$/);
    expect(stdout).toMatch(
      /^[\w-]{12} {2}app .* issue .* \d{4}-\d\d-\d\d\n {2}TTL up to 8h\n {2}10\.0 GB a day\n {2}pages of https:\/\/a\.example\n/m,
    );
    expect(stdout).toMatch(/a name.*table +read admin/);
  });

  it('cuts nothing short for a program', async () => {
    const name = 'a name that is far too long for a table of eighty columns';
    await keys(['create', '--name', name, '--scope', 'issue']);
    expect((await keys(['list'])).stdout).toContain(name);
    expect(JSON.parse((await keys(['list', '--json'])).stdout)).toMatchObject({ schema: 1, keys: [{ name }] });
  });

  it('says that there is no store where no server was ever started', async () => {
    const { code, stderr } = await keys(['list', '--data-dir', join(directory, 'mistyped')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/There is no store in .*mistyped.*--data-dir/);
    expect(existsSync(join(directory, 'mistyped'))).toBe(false);
    const { error } = JSON.parse((await keys(['list', '--json'])).stdout);
    expect(error.code).toBe('no_store');
  });
});

describe('taciturn keys revoke', () => {
  it('removes a key, and remembers that what it has issued is revoked as long as that could be valid', async () => {
    const [id] = (await create('--max-ttl', '2h')).split('.');
    const { code, stdout } = await keys(['revoke', id!]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `The key ${id} (app) and all that it has issued are revoked.\n`,
    });
    const [left, revocations] = await inStore(async (store) => [await store.keys(), await store.revocations(now)]);
    expect(left).toEqual([]);
    expect(revocations).toMatchObject([{ kind: 'key', name: id }]);
    // Two hours, and the ten minutes for which an expired credential may refresh.
    expect(revocations[0]!.until - now).toBeGreaterThanOrEqual(2 * 3600 + 600);
    expect(revocations[0]!.until - now).toBeLessThan(2 * 3600 + 660);
    expect(auditLog().at(-1)).toMatchObject({ action: 'key-revoked', subject: id, details: { name: 'app' } });
  });

  it('takes the whole key for its id, and does not show its secret', async () => {
    const key = await create();
    const { code, stdout } = await keys(['revoke', '--json', '--', key]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ schema: 1, revoked: { id: key.split('.')[0], name: 'app' } });
  });

  it('says that there is no such key', async () => {
    await create();
    const { code, stdout, stderr } = await keys(['revoke', 'nobody.secret']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('There is no key with the id "nobody"; taciturn keys list');
    expect(stderr).not.toContain('secret');
    expect(await inStore((store) => store.keys())).toHaveLength(1);
  });
});

describe('the commands for keys', () => {
  it.each([[['create']], [['list']], [['revoke']]])('have help with an example: %j', async (line) => {
    expect(await keys([...line, '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Examples:\n {2}\$ taciturn keys /),
    });
  });

  it('end with 78 when the configuration has problems', async () => {
    expect((await keys(['list'], { env: { TACITURN_LISTEN__PORT: 'x' } })).code).toBe(78);
  });

  it('say what is wrong with a store that cannot be had', async () => {
    const redis = 'redis://user:hunter2hunter2@127.0.0.1:1/0';
    const { code, stdout } = await keys(['list', '--json'], { env: { TACITURN_STORE__REDIS: redis } });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/Redis/),
    });
    expect(stdout).not.toContain('hunter2');
  });
});
