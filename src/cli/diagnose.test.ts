import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/cli/command-run.ts';
import { loadConfiguration } from '../config/load-configuration.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-diagnose-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function run(line: readonly string[], env: Record<string, string> = {}) {
  return runCommand(['diagnose', ...line], { env });
}

describe('taciturn diagnose', () => {
  it('has help with examples and the exit codes', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ taciturn diagnose\n/);
    expect(stdout).toMatch(/Exit status: 0 direct connections are likely, 1 a relay is needed, 3 /);
  });

  it.each<[string[], RegExp]>([
    [['--server', 'http://stun.example.org'], /--server http:\/\/stun\.example\.org: this is no HOST or HOST:PORT/],
    [['--server', 'stun.example.org:0'], /no HOST or HOST:PORT/],
    [['--server', '192.0.2.300'], /no HOST or HOST:PORT/],
    [['--family', '5'], /Allowed choices are 4, 6/],
    [['stun.example.org'], /too many arguments/],
  ])('ends with 64 for %j', async (line, reason) => {
    const { code, stdout, stderr } = await run(line);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(reason);
  });

  it('asks servers of several operators, which the configuration may replace', async () => {
    const defaults = loadConfiguration({ environment: {} });
    if (!defaults.ok) throw new Error('the defaults are wrong');
    const hosts = defaults.configuration.diagnose.servers.map(({ host }) => host.split('.').slice(-2).join('.'));
    expect(new Set(hosts).size).toBeGreaterThanOrEqual(4);

    const file = join(directory, 'taciturn.yaml');
    writeFileSync(file, 'diagnose: { servers: [] }\n');
    expect(await run(['--config', file])).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/no server to ask/),
    });
    writeFileSync(file, 'diagnose: { servers: ["http://a"] }\n');
    expect(await run([], { TACITURN_CONFIG: file })).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/diagnose\.servers/),
    });
  });

  it('gives errors as JSON too', async () => {
    const { code, stdout } = await run(['--server', '', '--json']);
    expect(code).toBe(64);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, error: { code: 'usage' } });
  });
});
