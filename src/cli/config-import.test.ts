import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/cli/command-run.ts';

const secret = 'kZ8mQ2xT7vLp4NwRc1Ye';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-import-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(content: string): string {
  const path = join(directory, 'turnserver.conf');
  writeFileSync(path, content);
  return path;
}

function run(line: readonly string[], stdin = '') {
  return runCommand(['config', ...line], { stdin });
}

describe('taciturn config import', () => {
  it('gives the configuration on stdout and reports each line on stderr', async () => {
    const file = write(`# coturn\nlistening-port=443\nverbose\nallow-loopback-peers\nstatic-auth-secret=${secret}\n`);
    const { code, stdout, stderr } = await run(['import', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('port: 443 # line 2');
    expect(stderr).toContain(`${file}:2: listening-port taken over as listen.port: 443\n`);
    expect(stderr).toContain(`${file}:3: verbose has no counterpart because allocations are logged`);
    expect(stderr).toMatch(/:4: allow-loopback-peers taken over as .*\n {2}warning: clients reach every service/);
    expect(stderr).toContain('The configuration holds secrets');
    expect(stderr).not.toContain(secret);
  });

  it('makes nothing where a line is refused, unless that is to be ignored', async () => {
    const file = write('no-auth\nrealm=example.org\n');
    const output = join(directory, 'taciturn.yaml');
    const first = await run(['import', file, '--output', output]);
    expect(first).toMatchObject({ code: 1, stdout: '' });
    expect(first.stderr).toContain(`${file}:1: no-auth refused because anybody could relay`);
    expect(first.stderr).toContain('One line is refused; no configuration is made.');
    expect(existsSync(output)).toBe(false);

    expect(await run(['import', file, '--output', output, '--ignore-refused'])).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(output, 'utf8')).toContain('realm: example.org # line 2');
  });

  it('writes files that only their owner may read, and never over others', async () => {
    const file = write(`static-auth-secret=${secret}\n`);
    const [output, secrets] = [join(directory, 'taciturn.yaml'), join(directory, 'secrets')];
    const line = ['import', file, '--output', output, '--secrets-dir', secrets];
    expect((await run(line)).code).toBe(0);
    expect(readFileSync(output, 'utf8')).not.toContain(secret);
    expect(readFileSync(join(secrets, 'shared-secrets'), 'utf8')).toBe(`${secret}\n`);
    const modes = [output, secrets, join(secrets, 'shared-secrets')].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o600, 0o700, 0o600]);
    expect(await run(['check', output])).toMatchObject({ code: 0 });

    const again = await run(line);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain(`${join(secrets, 'shared-secrets')} exists already`);
  });

  it('gives one versioned document with --json', async () => {
    const file = write('realm=example.org\nserver-relay\nno-cli\n');
    const { code, stdout, stderr } = await run(['import', file, '--json']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 1,
      ok: false,
      yaml: null,
      lines: [
        { line: 1, directive: 'realm', fate: 'taken over', as: 'realm: example.org' },
        { line: 2, directive: 'server-relay', fate: 'refused' },
        { line: 3, directive: 'no-cli', fate: 'no counterpart' },
      ],
    });
    const ignoring = JSON.parse((await run(['import', file, '--json', '--ignore-refused'])).stdout);
    expect(ignoring).toMatchObject({ ok: true, yaml: expect.stringContaining('realm: example.org') });
  });

  it('reads stdin', async () => {
    expect((await run(['import', '-'], 'realm=example.org')).stdout).toContain('realm: example.org # line 1');
  });

  it.each([
    [['import'], 64, /missing required argument/],
    [['import', '/nowhere/turnserver.conf'], 78, /does not exist/],
    [['import', '/'], 78, /is a directory/],
  ])('ends %j with %i', async (line, expected, reason) => {
    const { code, stdout, stderr } = await run(line);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(reason);
  });

  it('says where it could not write', async () => {
    const { code, stderr } = await run(['import', write('realm=a'), '--output', '/nowhere/taciturn.yaml']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/\/nowhere\/.* cannot be written \(ENOENT\)/);
  });
});
