import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/cli/command-run.ts';
import { behind, diagnosis, independent, noFamily, strict } from '../../test/nat/sample-diagnoses.ts';
import type { Diagnosis } from '../nat/report.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-pair-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Buffer | Diagnosis): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
}

function run(...line: string[]) {
  return runCommand(['pair', ...line]);
}

const here = diagnosis({ ipv4: behind(independent, strict, { mapped: ['198.51.100.7:4000'] }), interfaces: [] });
const there = (ipv4 = behind(strict, strict)) => diagnosis({ ipv4, interfaces: [] });

describe('taciturn pair', () => {
  it.each([
    [behind(independent, strict), 0, 'These two networks can connect directly.'],
    [behind(strict, strict), 1, 'These two networks need a relay between them.'],
    [noFamily('unknown'), 3, 'Whether these two networks can connect directly is not certain; have a relay ready.'],
  ])('says it in the first line, and in the exit code', async (ipv4, expected, sentence) => {
    const { code, stdout, stderr } = await run(write('a.json', here), write('b.json', there(ipv4)));
    expect({ code, stderr }).toEqual({ code: expected, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(sentence);
    expect(stdout).toContain('\nWhy\n  - ');
    expect(lines.slice(0, -2).filter((line) => line.length > 100)).toEqual([]);
    expect(stdout).toMatch(/A is .*a\.json, B is .*b\.json\.\n$/);
  });

  it('gives one document with --json', async () => {
    const { code, stdout } = await run(write('a.json', here), write('b.json', there()), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, kind: 'pair', result: 'relay', families: { ipv4: 'relay' } });
  });

  it('reads what PowerShell writes, with its mark of the byte order', async () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(JSON.stringify(here), 'utf16le')]);
    expect((await run(write('a.json', utf16), write('b.json', there()))).code).toBe(1);
  });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /b\.json: It is empty\. Write it with: taciturn diagnose --json > FILE/],
    ['text', 'hello', /b\.json: It is no JSON document/],
    ['another document', '{"schema":1}', /b\.json: It is JSON, but no diagnosis/],
    ['a large file', ' '.repeat(5 * 1024 * 1024), /b\.json: It is no JSON document/],
  ])('refuses %s in a sentence', async (_what, content, reason) => {
    const { code, stdout, stderr } = await run(write('a.json', here), write('b.json', content));
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(reason);
  });

  it('refuses what cannot be read', async () => {
    expect(await run(join(directory, 'none.json'), write('b.json', there()))).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/none\.json: The file does not exist\. Give the file/),
    });
    expect((await run(directory, directory)).stderr).toMatch(/It is a directory/);
    expect((await run(write('a.json', here))).stderr).toMatch(/missing required argument/);
  });

  it('has help with an example', async () => {
    expect((await run('--help')).stdout).toMatch(/Examples:\n {2}\$ taciturn diagnose --json > alice\.json/);
  });
});
