import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/cli/command-run.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';

const secret = 'kZ8mQ2xT7vLp4NwRc1Ye';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function run(line: readonly string[], options: { env?: Record<string, string>; stdin?: string; tty?: boolean } = {}) {
  const { env, stdin, tty } = options;
  return runCommand(line, {
    env: { TACITURN_DATA_DIR: join(directory, 'data'), ...env },
    ...(stdin !== undefined && { stdin }),
    ...(tty === true && { terminal: 80 }),
  });
}

describe('taciturn', () => {
  it('says its version and its commands', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/credentials[\s\S]*config[\s\S]*Example/);
  });

  it.each(
    [['credentials'], ['credentials', 'issue'], ['config'], ['config', 'check'], ['config', 'show']].map((path) => [
      path,
    ]),
  )('has help with an example for %j', async (path) => {
    const { code, stdout } = await run([...path, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n {2}\$ /);
  });

  it.each([
    [[]],
    [['nonsense']],
    [['config']],
    [['config', 'chekc']],
    [['config', 'check', '--nonsense']],
    [['config', 'check', 'a', 'b']],
    [['credentials', 'issue']],
    [['credentials', 'issue', '--user', 'a', '--ttl', 'soon']],
    [['credentials', 'issue', '--user', 'a', '--url', 'http://example.org']],
  ])('ends with 64 for %j, and says why on stderr', async (line) => {
    const { code, stdout, stderr } = await run(line);
    expect(code).toBe(64);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: \S/);
  });

  it('gives errors as JSON too', async () => {
    const { code, stdout, stderr } = await run(['config', 'check', '--nonsense', '--json']);
    expect(code).toBe(64);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, error: { code: 'usage' } });
  });

  it('uses colour on a terminal only, and not with NO_COLOR', async () => {
    expect((await run(['config', 'check'], { tty: true })).stdout).toContain('\x1b[');
    expect((await run(['config', 'check'], { tty: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\x1b[');
    expect((await run(['config', 'check'])).stdout).not.toContain('\x1b[');
  });
});

describe('taciturn config check', () => {
  it('accepts the example that is shipped', async () => {
    const example = fileURLToPath(new URL('../../config/taciturn.yaml', import.meta.url));
    for (const line of [[example], ['--config', example]]) {
      expect(await run(['config', 'check', ...line])).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('ends with 78 and names file, line and key', async () => {
    const file = write('bad.yaml', 'realm: ok\nrelay:\n  prots: 1-2\n  rfc5766Channels: perhaps\n');
    const { code, stdout, stderr } = await run(['config', 'check', file]);
    expect(code).toBe(78);
    expect(stdout).toBe('');
    expect(stderr).toContain('The configuration has 2 problems.');
    expect(stderr).toContain(`${file}:3:3: relay.prots: `);
    expect(stderr).toContain('Did you mean ports?');
    expect(stderr).toContain(`${file}:4:3: relay.rfc5766Channels: found "perhaps"; allowed: true or false.`);
  });

  it('gives the problems as JSON', async () => {
    const file = write('bad.yaml', 'listen: { port: 0.5 }');
    const { code, stdout } = await run(['config', 'check', file, '--json']);
    expect(code).toBe(78);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 1,
      error: { code: 'bad_configuration', problems: [{ path: 'listen.port', found: '0.5', where: `${file}:1:11` }] },
    });
  });

  it('takes the file from TACITURN_CONFIG', async () => {
    const env = { TACITURN_CONFIG: write('bad.yaml', 'x: 1') };
    expect((await run(['config', 'check'], { env })).code).toBe(78);
  });
});

describe('taciturn config show', () => {
  it('shows each value with its origin', async () => {
    const file = write('some.yaml', 'log: { level: warn }');
    const env = { TACITURN_REALM: 'example.org' };
    const { code, stdout } = await run(['config', 'show', '--config', file, '--port', '3479'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^log\\.level: warn +# ${file}:1:8$`, 'm'));
    expect(stdout).toMatch(/^realm: example\.org +# environment variable TACITURN_REALM$/m);
    expect(stdout).toMatch(/^listen\.port: 3479 +# --port$/m);
    expect(stdout).toMatch(/^limits\.perAllocation\.bytesPerSecond: 12\.5MB +# default$/m);
  });

  it('takes flags that are repeated', async () => {
    const line = ['config', 'show', '--json', '--allow-peer', '10.1.0.0/16', '--allow-peer', '10.2.0.0/16'];
    const { settings } = JSON.parse((await run(line)).stdout);
    expect(settings).toContainEqual({
      key: 'relay.peers.allow',
      value: ['10.1.0.0/16', '10.2.0.0/16'],
      origin: { kind: 'flag', flag: '--allow-peer' },
      from: '--allow-peer',
    });
  });

  it('never shows a secret', async () => {
    const env = { TACITURN_AUTHENTICATION__SHARED_SECRETS: secret };
    for (const json of [[], ['--json']]) {
      const { stdout } = await run(['config', 'show', ...json], { env });
      expect(stdout).toContain('hidden');
      expect(stdout).not.toContain(secret);
    }
  });
});

describe('taciturn credentials issue', () => {
  const issue = ['credentials', 'issue', '--user', 'alice'];
  const env = { TACITURN_AUTHENTICATION__SHARED_SECRETS: secret, TACITURN_PUBLIC_HOST: 'turn.example.org' };

  it('prints iceServers that the server accepts', async () => {
    const { code, stdout, stderr } = await run([...issue, '--ttl', '2h', '--label', 'room'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [stun, turn] = JSON.parse(stdout).iceServers;
    expect(stun).toEqual({ urls: ['stun:turn.example.org:3478'] });
    expect(turn.urls).toEqual(['turn:turn.example.org:3478?transport=udp', 'turn:turn.example.org:3478?transport=tcp']);
    expect(turn.username).toMatch(/^\d+:alice#room$/);
    expect(turn.credential).toBe(timeLimitedPassword(secret, turn.username));
  });

  it('gives one versioned document with --json', async () => {
    const document = JSON.parse((await run([...issue, '--json'], { env })).stdout);
    expect(Object.keys(document)).toEqual([
      'schema',
      'iceServers',
      'username',
      'credential',
      'ttlSeconds',
      'expiresAt',
    ]);
    expect(document).toMatchObject({ schema: 1, ttlSeconds: 3600 });
  });

  it('takes the secret from a file, from stdin, or from the data directory', async () => {
    mkdirSync(join(directory, 'data'));
    write('data/shared-secret', `${secret}\n`);
    const file = write('secret', `${secret}\nanother line\n`);
    for (const [more, stdin] of [
      [['--secret-file', file], ''],
      [['--secret-file', '-'], `${secret}\n`],
      [[], ''],
    ] as const) {
      const { stdout } = await run([...issue, '--url', 'turn:192.0.2.1', ...more], { stdin });
      const { username, credential } = JSON.parse(stdout).iceServers[0];
      expect(credential).toBe(timeLimitedPassword(secret, username));
    }
  });

  it('puts in the URLs that are given', async () => {
    const urls = ['--url', 'stun:a.example', '--url', 'turns:b.example:443?transport=tcp'];
    const { iceServers } = JSON.parse((await run([...issue, ...urls], { env })).stdout);
    expect(iceServers).toMatchObject([{ urls: ['stun:a.example'] }, { urls: ['turns:b.example:443?transport=tcp'] }]);
  });

  it('says which host it took when none is configured', async () => {
    const { stderr } = await run(issue, { env: { ...env, TACITURN_PUBLIC_HOST: '192.0.2.1', TACITURN_CONFIG: '' } });
    expect(stderr).toBe('');
    const { TACITURN_AUTHENTICATION__SHARED_SECRETS } = env;
    expect((await run(issue, { env: { TACITURN_AUTHENTICATION__SHARED_SECRETS } })).stderr).toMatch(
      /^note: .*publicHost/,
    );
  });

  it.each([
    [['--ttl', '30s'], env, 64, /from 60 to 86400/],
    [['--label', 'a:b'], env, 64, /label must/],
    [[], {}, 78, /no shared secret.*--secret-file/],
    [['--secret-file', '/nowhere/secret'], {}, 78, /does not exist/],
    [['--secret-file', '-'], {}, 78, /stdin is refused because it is empty/],
    [['--config', '/nowhere/taciturn.yaml'], {}, 78, /does not exist/],
  ])('refuses %j', async (more, environment, expected, reason) => {
    const { code, stdout, stderr } = await run([...issue, ...more], { env: environment });
    expect(code).toBe(expected);
    expect(stdout).toBe('');
    expect(stderr).toMatch(reason);
  });
});
