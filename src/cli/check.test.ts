import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TerminalOptions, terminal } from '../../test/check/terminal.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';
import { type CredentialOptions, checkCredentials } from './check-credentials.ts';
import { main } from './main.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-check-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function contextWith(options: TerminalOptions) {
  return terminal({ workingDirectory: directory, ...options });
}

describe('the credentials of a check', () => {
  const given = (options: CredentialOptions, more: TerminalOptions = {}) =>
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
    [[], /Give the URL of a server, such as turn:turn\.example\.org/],
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
