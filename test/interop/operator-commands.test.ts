import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requirePeer, run } from './peers.ts';
import { alice, allocate, connect } from './relay-client.ts';
import { type IssuedCredential, Taciturn, taciturn } from './taciturn.ts';

let daemon: Taciturn;
let file: string;
beforeEach(async () => {
  daemon = await Taciturn.start();
  file = join(daemon.directory, 'taciturn.yaml');
});
afterEach(() => daemon?.stop());

/** A command that works on the store of the daemon. */
async function onStore(...line: string[]): Promise<string> {
  const { code, stdout, stderr } = await taciturn([...line, '--config', file], { input: 'correct horse\n' });
  expect({ line, code, stderr: code === 0 ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
  return stdout;
}

/** A command that asks the daemon. */
function ask(...line: string[]) {
  const env = { ...process.env, TACITURN_API_KEY: daemon.report.apiKey! };
  return taciturn([...line, '--url', daemon.http], { env });
}

async function askJson(...line: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await ask(...line, '--json');
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function issueWith(key: string): Promise<Response> {
  const headers = { authorization: `Bearer ${key}` };
  return fetch(`${daemon.http}/v1/credentials`, { method: 'POST', headers });
}

/** What another process has written counts within a second; a busy machine gets some more. */
function soon<T>(work: () => Promise<T> | T): Promise<T> {
  return vi.waitFor(work, { timeout: 10_000, interval: 50 });
}

/** The reason of each allocation that has ended. */
function ended(): unknown[] {
  return daemon.log.filter(({ event }) => event === 'allocation-ended').map(({ reason }) => reason);
}

describe('the commands for keys', () => {
  it('make a key that a running daemon takes, and revoke it with all that it has issued', async () => {
    const key = (await onStore('keys', 'create', '--name', 'app', '--scope', 'issue', '--user-prefix', 'app-')).trim();
    const response = await soon(async () => {
      const answer = await issueWith(key);
      expect(answer.status).toBe(201);
      return answer;
    });
    const { username, credential } = (await response.json()) as IssuedCredential;
    expect(username).toContain(':app-');
    const [client] = await allocate(daemon.port, { username, password: credential });

    await onStore('keys', 'revoke', key);
    await soon(() => expect(ended()).toHaveLength(1));
    expect((await issueWith(key)).status).toBe(401);
    const again = await connect(daemon.port, { username, password: credential });
    expect(await again.allocate()).toMatchObject({ ok: false });
    for (const one of [client, again]) one.close();
    expect(await onStore('keys', 'list')).toMatch(/^ID.*\n[\w-]{12} {2}admin .*\n$/);
  });
});

describe('the commands for users', () => {
  it('add a user who may allocate then, and remove one whose allocations end', async () => {
    const bob = { username: 'bob', password: 'correct horse' };
    await onStore('users', 'add', 'bob', '--password-file', '-');
    const [client] = await soon(() => allocate(daemon.port, bob));
    expect(await onStore('users', 'list')).toMatch(/alice +configuration[\s\S]*bob +store/);
    await onStore('users', 'remove', 'bob');
    await soon(() => expect(ended()).toHaveLength(1));
    client.close();
  });

  const installed = requirePeer('turnadmin') && requirePeer('turnutils_uclient');
  it.skipIf(!installed)('import a user whom coturn has had, for a client that uses MD5', async () => {
    const [database, password] = [join(daemon.directory, 'turndb'), 'a password of coturn'];
    await run('turnadmin', ['-a', '-b', database, '-u', 'carol', '-r', 'taciturn', '-p', password]);
    expect(await onStore('users', 'import', database)).toBe('One user is imported for the realm taciturn.\n');
    const client = ['-u', 'carol', '-w', password, '-e', '192.0.2.1', '-n', '1', '-m', '1'];
    await soon(async () => {
      const attempt = run('turnutils_uclient', [...client, '-p', String(daemon.port), '127.0.0.1']);
      const created = expect.objectContaining({ event: 'allocation-created', user: 'carol' });
      await attempt;
      expect(daemon.log).toContainEqual(created);
    });
  });
});

describe('the commands for sessions', () => {
  it('show the live allocations and end them', async () => {
    const clients = [await allocate(daemon.port), await allocate(daemon.port)] as const;
    const { sessions } = (await askJson('sessions', 'list', '--user', 'alice')) as { sessions: { id: string }[] };
    expect(sessions).toHaveLength(2);
    const [first] = sessions;
    expect((await ask('sessions', 'list')).stdout).toContain(`${first!.id}  alice`);
    expect((await ask('sessions', 'show', first!.id)).stdout).toMatch(/^client +127\.0\.0\.1:\d+ over UDP$/m);

    expect(await ask('sessions', 'kill', first!.id)).toMatchObject({ code: 0, stdout: 'Ended: one session.\n' });
    expect(await ask('sessions', 'kill', first!.id)).toMatchObject({ code: 1 });
    expect(await askJson('sessions', 'kill', '--user', 'alice')).toMatchObject({ ended: [sessions[1]!.id] });
    await soon(() => expect(ended()).toEqual(['killed', 'killed']));
    for (const [client] of clients) client.close();
  });
});

describe('the commands for a running daemon', () => {
  it('show its status', async () => {
    const [client] = await allocate(daemon.port);
    const status = await askJson('status');
    expect(status).toMatchObject({ schema: 1, state: 'serving', allocations: 1, users: 1, pid: daemon.program.pid });
    expect((await ask('status')).stdout).toMatch(/^The server takes new allocations\./);
    client.close();
  });

  it('drain it, and wait for the last allocation to end', async () => {
    const [client, allocation] = await allocate(daemon.port);
    const waiting = ask('drain', '--wait', '--timeout', '20s');
    await soon(async () => expect((await askJson('status')).state).toBe('draining'));
    const stranger = await connect(daemon.port, alice);
    expect(await stranger.allocate()).toMatchObject({ ok: false, error: { code: 508 } });
    await allocation.refresh(0);
    expect(await waiting).toMatchObject({ code: 0, stdout: 'No allocation is left; the server can be stopped.\n' });
    for (const one of [client, stranger]) one.close();
  });

  it('let it read its configuration again, and say what is wrong with that', async () => {
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${before}log: { level: debug }\nlimits: { allocations: 0 }\n`);
    const refused = await ask('reload');
    expect(refused.code).toBe(78);
    expect(refused.stderr).toMatch(/taciturn\.yaml:\d+:\d+: limits\.allocations: found 0/);
    writeFileSync(file, `${before}log: { level: debug }\nrealm: elsewhere\n`);
    const { applied, waiting } = await askJson('reload');
    expect(applied).toEqual(['log.level']);
    expect(waiting).toEqual(['realm']);
  });

  it('say so when it is no more', async () => {
    await daemon.program.stop();
    expect(await ask('status')).toMatchObject({ code: 1, stderr: expect.stringMatching(/Nothing listens at/) });
  });
});
