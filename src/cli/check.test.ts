import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Rung } from '../client/rung.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';
import { unixSeconds } from '../turn/time.ts';
import { type CredentialOptions, checkCredentials } from './check-credentials.ts';
import type { CommandContext, Environment } from './command-context.ts';
import { main } from './main.ts';
import { renderRung, renderVerdict } from './render-check.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-check-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function collector(isTTY: boolean) {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => chunks.join('') };
}

function contextWith({
  environment = {},
  stdin = '',
  tty = false,
}: {
  environment?: Environment;
  stdin?: string;
  tty?: boolean;
}) {
  const stdout = collector(tty);
  const stderr = collector(tty);
  const context: CommandContext = {
    environment,
    streams: { stdin: Readable.from([stdin]), stdout: stdout.stream, stderr: stderr.stream },
    version: '0.0.0',
    workingDirectory: directory,
    randomBytes: (size) => Buffer.alloc(size, 1),
    unixNow: () => unixSeconds(1_800_000_000),
    complete: () => {},
  };
  return { context, stdout, stderr };
}

describe('the credentials of a check', () => {
  const given = (options: CredentialOptions, more: Parameters<typeof contextWith>[0] = {}) =>
    checkCredentials(options, contextWith(more).context);
  const secret = 'sixteen bytes or more';

  beforeEach(() => {
    writeFileSync(join(directory, 'password'), 'from a file\nsecond line\n');
    writeFileSync(join(directory, 'secret'), `${secret}\n`);
    writeFileSync(join(directory, 'empty'), '\n');
  });

  it('are none when none are given', async () => {
    expect(await given({})).toBeUndefined();
  });

  it('are a username with a password from a file, stdin or the environment', async () => {
    const username = 'alice';
    const source = 'password';
    expect(await given({ username, passwordFile: 'password' })).toEqual({ username, password: 'from a file', source });
    expect(await given({ username, passwordFile: '-' }, { stdin: 'from stdin\n' })).toEqual({
      username,
      password: 'from stdin',
      source,
    });
    const environment = { TACITURN_PASSWORD: 'from outside' };
    expect(await given({ username }, { environment })).toEqual({ username, password: 'from outside', source });
  });

  it('are made from a shared secret, as an application would make them', async () => {
    const username = '1800000600:alice';
    const made = { username, password: timeLimitedPassword(secret, username), source: 'shared-secret' };
    expect(await given({ username: 'alice', secretFile: 'secret' })).toEqual(made);
    expect(await given({ username: 'alice', secretFile: '-' }, { stdin: secret })).toEqual(made);
    expect(await given({ username: 'alice' }, { environment: { TACITURN_SECRET: secret } })).toEqual(made);
    expect((await given({ secretFile: 'secret' }))?.username).toBe('1800000600:taciturn-check');
  });

  it.each<[CredentialOptions, RegExp]>([
    [{ username: 'alice' }, /needs a password/],
    [{ passwordFile: 'password' }, /needs --username/],
    [{ username: 'a', passwordFile: 'password', secretFile: 'secret' }, /exclude each other/],
    [{ username: 'a', passwordFile: 'missing' }, /--password-file missing: The file does not exist/],
    [{ secretFile: 'empty' }, /first line is empty/],
    [{ username: 'a:b', secretFile: 'secret' }, /--username: /],
  ])('are refused: %j', async (options, reason) => {
    await expect(given(options)).rejects.toThrow(reason);
  });
});

describe('a step on the terminal', () => {
  const passed: Rung = {
    name: 'allocate',
    passed: true,
    elapsedMs: 12,
    detail: 'relayed 203.0.113.5:51234',
    facts: {},
    warnings: [],
  };
  const problem = { code: 'x', cause: 'This is why.', fix: 'Do this.' };

  it('is one line when it passes', () => {
    const { context, stdout } = contextWith({});
    renderRung(passed, context);
    expect(stdout.text()).toBe('✓ allocate             12 ms  relayed 203.0.113.5:51234\n');
  });

  it('has cause and fix below it when it fails, and a note when it passes with reservations', () => {
    const { context, stdout } = contextWith({});
    renderRung({ ...passed, passed: false, detail: '486', problem }, context);
    renderRung({ ...passed, warnings: [problem] }, context);
    expect(stdout.text()).toContain('\n    cause  This is why.\n    fix    Do this.\n');
    expect(stdout.text()).toContain('\n    note   This is why.\n    fix    Do this.\n');
  });

  it('is coloured on a terminal, and not with NO_COLOR', () => {
    const coloured = contextWith({ tty: true });
    renderRung(passed, coloured.context);
    expect(coloured.stdout.text()).toContain('\x1b[32m✓');
    const plain = contextWith({ tty: true, environment: { NO_COLOR: '1' } });
    renderRung(passed, plain.context);
    expect(plain.stdout.text()).not.toContain('\x1b');
  });

  it('is followed by what was not tested, and the verdict', () => {
    const { context, stdout } = contextWith({});
    const failed = { ...passed, passed: false, problem };
    renderVerdict(
      { url: 'turn:a', passed: false, rungs: [failed], notTested: ['allocate-peer', 'permission'] },
      context,
    );
    expect(stdout.text()).toBe(
      '  not tested: second allocation, permission\n\nturn:a does not work: it fails at the step "allocate".\n',
    );
  });
});

describe('taciturn check', () => {
  async function run(...line: string[]) {
    const { context, stdout, stderr } = contextWith({});
    const code = await main(['check', ...line], {}, context.streams);
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  }

  it('has help with an example', async () => {
    expect(await run('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Examples:\n {2}\$ taciturn check turn:/),
    });
  });

  it.each([
    [[], /missing required argument/],
    [['turn.example.org'], /must start with stun:, turn: or turns:/],
    [['turn://turn.example.org'], /write turn:turn\.example\.org/],
    [['turns:turn.example.org?transport=udp'], /is DTLS/],
    [['turns:192.0.2.1', '--ca', 'missing'], /--ca missing: The file does not exist/],
    [['turns:192.0.2.1', '--ca', import.meta.filename], /holds no certificate/],
    [['turn:192.0.2.1', '--password', 'x'], /unknown option/],
    [['turn:192.0.2.1', '--username', 'a'], /needs a password/],
  ])('ends with 64 for %j', async (line, reason) => {
    const { code, stdout, stderr } = await run(...line);
    expect(code).toBe(64);
    expect(stdout).toBe('');
    expect(stderr).toMatch(reason);
  });
});
