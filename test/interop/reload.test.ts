/** A running daemon takes over what it can, says what waits, and keeps everything when the new file is no good. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issueCredential } from '../../src/credentials/issue.ts';
import { unixSeconds } from '../../src/turn/time.ts';
import { allocate, type Credentials, connect } from './relay-client.ts';
import { sharedSecret, Taciturn } from './taciturn.ts';

let daemon: Taciturn;
beforeEach(async () => {
  daemon = await Taciturn.start('limits: { allocationsPerUser: 1 }\nlog: { level: info }\n');
});
afterEach(() => daemon?.stop());

function edit(from: string, to: string): void {
  const before = readFileSync(daemon.file, 'utf8');
  expect(before).toContain(from);
  writeFileSync(daemon.file, before.replace(from, to));
}

async function reload(): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await daemon.fetch('/v1/reload', { method: 'POST' });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A credential as an app makes it that knows a secret. */
function credentialOf(secret: string): Credentials {
  const ttl = { defaultSeconds: 600, minSeconds: 60, maxSeconds: 3600 };
  const now = unixSeconds(Date.now() / 1000);
  const result = issueCredential({ user: 'bob' }, { secret, ttl, now, randomBytes: () => Buffer.alloc(12) });
  if (!result.ok) throw new Error(result.message);
  return result.credential;
}

describe('a reload', () => {
  it('applies limits to running servers, and names what waits for a restart', async () => {
    const [client] = await allocate(daemon.port);
    const second = await connect(daemon.port);
    expect(await second.allocate()).toMatchObject({ ok: false, error: { code: 486 } });
    edit('allocationsPerUser: 1', 'allocationsPerUser: 2');
    edit('log: { level: info }', 'realm: elsewhere');
    const { status, body } = await reload();
    expect(status).toBe(200);
    expect(body).toMatchObject({ applied: ['limits.allocationsPerUser'], waiting: ['realm'] });
    await expect.poll(async () => (await second.allocate()).ok).toBe(true);
    for (const one of [client, second]) one.close();
  });

  it('changes nothing when the file is no good, and says where', async () => {
    edit('allocationsPerUser: 1', 'allocationsPerUser: 2\nrealm: [');
    const { status, body } = await reload();
    expect(status).toBe(422);
    expect(JSON.stringify(body)).toContain('taciturn.yaml');
    edit('allocationsPerUser: 2\nrealm: [', 'allocationsPerUser: none');
    expect((await reload()).status).toBe(422);
    const [client] = await allocate(daemon.port);
    const second = await connect(daemon.port);
    expect(await second.allocate()).toMatchObject({ ok: false, error: { code: 486 } });
    for (const one of [client, second]) one.close();
  });

  it('rotates secrets: the new and the old one together, then the new one alone', async () => {
    const fresh = 'another secret that only the tests know';
    const both = `sharedSecrets: ["${fresh}", "${sharedSecret}"]`;
    edit(`sharedSecrets: ["${sharedSecret}"]`, both);
    expect(await reload()).toMatchObject({ status: 200, body: { applied: ['authentication.sharedSecrets'] } });
    const works = async (credentials: Credentials) => {
      const client = await connect(daemon.port, credentials);
      const answer = await client.allocate();
      if (answer.ok) await answer.value.close();
      client.close();
      return answer.ok;
    };
    await expect.poll(() => works(credentialOf(fresh))).toBe(true);
    expect(await works(credentialOf(sharedSecret))).toBe(true);
    const { username, credential } = await daemon.issueCredential({ user: 'carol' });
    expect(await works({ username, password: credential })).toBe(true);

    edit(both, `sharedSecrets: ["${fresh}"]`);
    daemon.program.signal('SIGHUP');
    await expect.poll(() => works(credentialOf(sharedSecret))).toBe(false);
    expect(await works(credentialOf(fresh))).toBe(true);
    expect(await works({ username, password: credential })).toBe(true);
    expect(auditLines().at(-1)).toMatchObject({ action: 'reload', via: 'signal' });
  });

  it('ends the allocations of users that are no more or have another password, and of no others', async () => {
    const [ann, bob] = ['{ name: ann, password: long enough }', '{ name: bob, password: long enough }'];
    edit('{ name: alice, password: correct horse }', `${ann}, ${bob}`);
    expect(await reload()).toMatchObject({ status: 200, body: { applied: ['authentication.users'] } });
    const allocations = await Promise.all(
      ['ann', 'bob'].map((username) => allocate(daemon.port, { username, password: 'long enough' })),
    );
    edit(bob, '{ name: bob, password: quite another }');
    await reload();
    const users = async () => {
      const { sessions } = (await (await daemon.fetch('/v1/sessions')).json()) as { sessions: { user: string }[] };
      return sessions.map(({ user }) => user);
    };
    await expect.poll(users).toEqual(['ann']);
    edit(`[${ann}, `, '[');
    await reload();
    await expect.poll(users).toEqual([]);
    for (const [client] of allocations) client.close();
  });

  it('keeps messages that wait for a receiver', async () => {
    const receiver = createServer((request, response) => {
      request.resume().on('end', () => response.end());
      received.push(request.headers['user-agent'] ?? '');
    });
    const received: string[] = [];
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    receiver.close();
    await once(receiver, 'close');
    const webhooks = `webhooks: { urls: ["http://127.0.0.1:${port}"], secret: only the tests know it }`;
    edit('log: { level: info }', `log: { level: info }\n${webhooks}`);
    await reload();
    const [client] = await allocate(daemon.port);
    await expect.poll(() => daemon.metric('taciturn_webhooks_queued')).toBe(1);
    edit('allocationsPerUser: 1', 'allocationsPerUser: 2');
    await reload();
    // Those of a receiver that is gone are dropped after two seconds.
    await wait(2500);
    receiver.listen(port, '127.0.0.1');
    await expect.poll(() => received.length, { timeout: 15_000 }).toBe(1);
    receiver.close();
    client.close();
  });
});

function auditLines(): unknown[] {
  const lines = readFileSync(join(daemon.directory, 'data', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}
