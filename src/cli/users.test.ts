import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandOptions, runCommand } from '../../test/cli/command-run.ts';
import { requirePeer, run } from '../../test/interop/peers.ts';
import { openStore } from '../store/open-store.ts';
import type { StoredUser } from '../store/store.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';

const password = 'correct horse battery';
let directory: string;
let dataDir: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-users-'));
  dataDir = join(directory, 'data');
});
afterEach(() => rmSync(directory, { recursive: true }));

function users(line: readonly string[], options: CommandOptions = {}) {
  return runCommand(['users', ...line], { ...options, env: { TACITURN_DATA_DIR: dataDir, ...options.env } });
}

async function add(name: string, ...more: string[]): Promise<void> {
  expect(await users(['add', name, '--password-file', '-', ...more], { stdin: `${password}\n` })).toMatchObject({
    code: 0,
  });
}

async function stored(): Promise<readonly StoredUser[]> {
  const store = await openStore({ dataDir, redis: undefined, redisPrefix: '' });
  try {
    return await store.users();
  } finally {
    await store.close();
  }
}

function keyOf(algorithm: PasswordAlgorithm, name: string, secret = password, realm = 'taciturn'): string {
  return longTermKey(algorithm, name, realm, secret).toString('hex');
}

function auditLog(): Record<string, unknown>[] {
  const lines = readFileSync(join(dataDir, 'audit.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('taciturn users add', () => {
  it('keeps the long-term keys of both algorithms, and the password nowhere', async () => {
    await add('alice');
    expect(await stored()).toEqual([
      {
        name: 'alice',
        realm: 'taciturn',
        md5Key: keyOf(PasswordAlgorithm.md5, 'alice'),
        sha256Key: keyOf(PasswordAlgorithm.sha256, 'alice'),
        createdAt: expect.any(Number),
      },
    ]);
    for (const file of readdirSync(dataDir)) {
      expect(readFileSync(join(dataDir, file), 'latin1')).not.toContain(password);
    }
    expect(auditLog()).toMatchObject([{ action: 'user-added', subject: 'alice', via: 'command' }]);
  });

  it('takes the password from a file or the environment too', async () => {
    const file = join(directory, 'password');
    writeFileSync(file, `${password}\n`);
    await users(['add', 'alice', '--password-file', file]);
    await users(['add', 'bob'], { env: { TACITURN_PASSWORD: password } });
    expect((await stored()).map(({ name, md5Key }) => [name, md5Key])).toEqual([
      ['alice', keyOf(PasswordAlgorithm.md5, 'alice')],
      ['bob', keyOf(PasswordAlgorithm.md5, 'bob')],
    ]);
  });

  it('makes a password, and shows it once and alone on stdout', async () => {
    const { code, stdout, stderr } = await users(['add', 'alice', '--generate']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[\w-]{24}\n$/);
    expect(stderr).not.toContain(stdout.trim());
    expect((await stored())[0]!.md5Key).toBe(keyOf(PasswordAlgorithm.md5, 'alice', stdout.trim()));
  });

  it('gives a user that there is another password', async () => {
    await add('alice');
    const { stdout } = await users(['add', 'alice', '--generate', '--json']);
    const { schema, replaced, password: made } = JSON.parse(stdout);
    expect({ schema, replaced }).toEqual({ schema: 1, replaced: true });
    expect(await stored()).toMatchObject([{ md5Key: keyOf(PasswordAlgorithm.md5, 'alice', made) }]);
  });

  it('makes keys for the realm of the server', async () => {
    await add('alice', '--realm', 'example.org');
    expect(await stored()).toMatchObject([
      { realm: 'example.org', md5Key: keyOf(PasswordAlgorithm.md5, 'alice', password, 'example.org') },
    ]);
  });

  it.each<[string[], CommandOptions, number, RegExp]>([
    [['alice'], {}, 64, /A password is needed: .*--generate/],
    [['alice', '--password-file', '-'], { stdin: '' }, 64, /first line is empty/],
    [['alice', '--password-file', '-'], { stdin: 'short\n' }, 64, /refused because it has 5 bytes/],
    [['alice', '--password-file', '-'], { stdin: 'changeme123\n' }, 64, /well-known/],
    [['alice', '--password-file', '/nowhere'], {}, 64, /does not exist/],
    [['alice', '--password-file', '-', '--generate'], { stdin: password }, 64, /exclude each other/],
    [['a:b', '--generate'], {}, 64, /without a colon/],
    [['x'.repeat(509), '--generate'], {}, 64, /1 to 508 bytes/],
    [['alice', '--password', password], {}, 64, /unknown option/],
  ])('refuses %j', async (line, options, expected, reason) => {
    const { code, stdout, stderr } = await users(['add', ...line], options);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(reason);
    if (options.stdin) expect(stderr).not.toContain(options.stdin.trim());
  });
});

/** A configuration with a user of its own. */
function configured(): string {
  const file = join(directory, 'taciturn.yaml');
  writeFileSync(file, `authentication: { users: [{ name: carol, password: "${password}" }] }\n`);
  return file;
}

describe('taciturn users list', () => {
  it('shows those of the configuration and of the store, and what they work with', async () => {
    await add('alice');
    await add('bob', '--realm', 'example.org');
    await add('carol');
    const { code, stdout } = await users(['list', '--config', configured()], { terminal: 80, env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/\d{4}-\d\d-\d\d/, '<day>'))).toEqual([
      'NAME   FROM           CREATED     WORKS WITH',
      expect.stringMatching(/^alice {2}store {10}<day> {2}MD5 and SHA-256$/),
      expect.stringMatching(/^bob {4}store {10}<day> {2}nothing: for the realm example\.org$/),
      expect.stringMatching(/^carol {2}configuration {14}MD5 and SHA-256$/),
      expect.stringMatching(/^carol {2}store {10}<day> {2}nothing: in the configuration as well$/),
      '',
    ]);
  });

  it('is JSON for a program, without keys', async () => {
    await add('alice');
    const { stdout } = await users(['list', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      users: [
        {
          name: 'alice',
          from: 'store',
          realm: 'taciturn',
          worksWith: ['md5', 'sha256'],
          createdAt: expect.stringMatching(/^\d{4}-/),
        },
      ],
    });
  });
});

describe('taciturn users remove', () => {
  it('removes a user', async () => {
    await add('alice');
    expect(await users(['remove', 'alice'])).toEqual({ code: 0, stdout: 'The user alice is removed.\n', stderr: '' });
    expect(await stored()).toEqual([]);
    expect(auditLog().at(-1)).toMatchObject({ action: 'user-removed', subject: 'alice' });
  });

  it('says that there is none, or that it is in the configuration', async () => {
    await add('alice');
    expect(await users(['remove', 'bob'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/no user "bob"/) });
    expect(await users(['remove', 'carol', '--config', configured()])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/"carol" is in the configuration/),
    });
  });
});

/** A database with the table of coturn and what is put into it. */
function coturnDatabase(rows: readonly (readonly unknown[])[], more: readonly string[] = []): string {
  const file = join(directory, 'turndb.sqlite');
  const database = new Database(file);
  database.exec(
    "CREATE TABLE turnusers_lt (realm varchar(127) default '', name varchar(512), hmackey char(128), PRIMARY KEY (realm, name))",
  );
  for (const statement of more) database.exec(statement);
  for (const row of rows) database.prepare('INSERT INTO turnusers_lt VALUES (?, ?, ?)').run(row);
  database.close();
  return file;
}

const md5 = (name: string) => keyOf(PasswordAlgorithm.md5, name);

describe('taciturn users import', () => {
  it('takes over the users of our realm, and says which ones it has left out', async () => {
    const file = coturnDatabase([
      ['taciturn', 'alice', md5('alice')],
      ['taciturn', 'bob', md5('bob').toUpperCase()],
      ['taciturn', 'carol', md5('carol')],
      ['taciturn', 'da:ve', md5('dave')],
      ['taciturn', 'erin', 'no key'],
      ['taciturn', 'frank', 5],
      ['example.org', 'grace', md5('grace')],
    ]);
    const { code, stdout } = await users(['import', file, '--json', '--config', configured()]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      realm: 'taciturn',
      imported: ['alice', 'bob'],
      unchanged: [],
      leftOut: [
        { name: 'grace', realm: 'example.org', why: 'other-realm' },
        { name: 'carol', realm: 'taciturn', why: 'configured' },
        { name: 'da:ve', realm: 'taciturn', why: 'bad-name' },
        { name: 'erin', realm: 'taciturn', why: 'bad-key' },
        { name: 'frank', realm: 'taciturn', why: 'bad-key' },
      ],
      sharedSecrets: 0,
    });
    expect(await stored()).toMatchObject([
      { name: 'alice', md5Key: md5('alice'), sha256Key: undefined },
      { name: 'bob', md5Key: md5('bob') },
    ]);
    expect(auditLog()).toMatchObject([{ subject: 'alice', details: { imported: true } }, { subject: 'bob' }]);
    expect((await users(['list'])).stdout).toMatch(/alice .* MD5 only/);
  });

  it('leaves users alone that are in the store with another key, unless told otherwise', async () => {
    await add('alice');
    await users(['add', 'bob', '--generate']);
    await add('carol', '--realm', 'old.example');
    const file = coturnDatabase(['alice', 'bob', 'carol'].map((name) => ['taciturn', name, md5(name)]));
    const { stdout } = await users(['import', file]);
    expect(stdout).toMatch(
      /^One user is imported for the realm taciturn; one user was there already\.\nOne user is left out:\n/,
    );
    expect(stdout).toMatch(/bob +taciturn +in the store with another key/);
    // The same password: the key for SHA-256 is still good.
    expect((await stored())[0]!.sha256Key).toBe(keyOf(PasswordAlgorithm.sha256, 'alice'));
    expect(JSON.parse((await users(['import', file, '--replace', '--json'])).stdout)).toMatchObject({
      imported: ['bob'],
      unchanged: ['alice', 'carol'],
    });
  });

  it('tells that there are shared secrets, not what they are', async () => {
    const secret = 'kZ8mQ2xT7vLp4NwRc1Ye';
    const table = 'CREATE TABLE turn_secret (realm varchar(127), value varchar(127))';
    const file = coturnDatabase([], [table, `INSERT INTO turn_secret VALUES ('taciturn', '${secret}')`]);
    const { code, stdout, stderr } = await users(['import', file]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'No user is imported for the realm taciturn.\n' });
    expect(stderr).toContain('it has one shared secret for this realm');
    expect(stdout + stderr).not.toContain(secret);
  });

  it('says what is wrong with a file', async () => {
    const text = join(directory, 'users.txt');
    writeFileSync(text, 'alice:password');
    const empty = join(directory, 'empty.db');
    const database = new Database(empty);
    database.exec('CREATE TABLE other (x)');
    database.close();
    for (const [file, reason] of [
      [join(directory, 'missing'), /missing: The file does not exist/],
      [text, /is no SQLite database/],
      [empty, /has no table turnusers_lt/],
      [directory, /is a directory/],
    ] as const) {
      expect(await users(['import', file])).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(reason),
      });
    }
    expect(readdirSync(directory)).not.toContain('missing');
  });

  const installed = requirePeer('turnadmin');
  it.skipIf(!installed)('reads what turnadmin has made, with the password that it was given', async () => {
    const file = join(directory, 'turndb');
    for (const [name, realm] of [
      ['alice', 'taciturn'],
      ['bob', 'example.org'],
    ] as const) {
      await run('turnadmin', ['-a', '-b', file, '-u', name, '-r', realm, '-p', password]);
    }
    await users(['import', file]);
    expect(await stored()).toMatchObject([{ name: 'alice', md5Key: md5('alice') }]);
    const { stdout } = await users([
      'import',
      file,
      '--json',
      '--realm',
      'example.org',
      '--data-dir',
      join(directory, 'b'),
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ imported: ['bob'], leftOut: [{ name: 'alice', why: 'other-realm' }] });
  });
});

describe('the commands for users', () => {
  it.each([[['add']], [['list']], [['remove']], [['import']]])('have help with an example: %j', async (line) => {
    expect(await users([...line, '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Examples:\n {2}\$ taciturn users /),
    });
  });
});
