import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './peers.ts';
import { Taciturn } from './taciturn.ts';

const root = join(import.meta.dirname, '..', '..');
const examples = [...readFileSync(join(root, 'docs', 'client.md'), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(
  ([, code]) => code!,
);

/** The examples of docs/client.md, word for word, in a project that has this package installed. */
describe('the examples of the client', () => {
  let project: string;
  let daemon: Taciturn;

  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), 'taciturn-project-'));
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(root, join(project, 'node_modules', 'taciturn'));
    daemon = await Taciturn.start('relay: { peers: { allow: [127.0.0.1] } }', { listen: ['127.0.0.1'] });
  });

  afterAll(async () => {
    await daemon?.stop();
    rmSync(project, { recursive: true, force: true });
  });

  it.each([
    ['Binding', /^I am 127\.0\.0\.1:\d+$/],
    ['relay', /^relayed: hello$/],
    ['TCP relay', /^connected: hello$/],
  ])('%s', async (name, expected) => {
    const index = ['Binding', 'relay', 'TCP relay'].indexOf(name);
    expect(examples).toHaveLength(3);
    const file = join(project, `example-${index}.mjs`);
    writeFileSync(file, examples[index]!);
    const issued = await daemon.issueCredential();
    const { code, stdout, stderr } = await run(process.execPath, [file], {
      env: {
        ...process.env,
        STUN_URL: `stun:127.0.0.1:${daemon.port}`,
        TURN_URL: `turn:127.0.0.1:${daemon.port}`,
        TURN_USERNAME: issued.username,
        TURN_PASSWORD: issued.credential,
      },
    });
    expect(stderr).toBe('');
    expect(stdout.trim()).toMatch(expected);
    expect(code).toBe(0);
  });

  it('leave no allocation behind', async () => {
    expect(await daemon.metric('taciturn_allocations')).toBe(0);
  });
});
