/** Keys, credentials, revocation, quotas and usage, as an app team would use them, against a running daemon. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allocate, type Credentials, connect, relay } from './relay-client.ts';
import { type IssuedCredential, Taciturn } from './taciturn.ts';

let daemon: Taciturn;
beforeEach(async () => {
  daemon = await Taciturn.start();
});
afterEach(() => daemon?.stop());

interface Key {
  readonly id: string;
  readonly key: string;
}

async function createKey(wish: object): Promise<Key> {
  const response = await daemon.fetch('/v1/keys', { method: 'POST', body: JSON.stringify({ name: 'app', ...wish }) });
  expect(response.status).toBe(201);
  return (await response.json()) as Key;
}

function issueBy({ key }: Key, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return fetch(`${daemon.http}/v1/credentials`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function issued(key: Key, body: object): Promise<Credentials> {
  const response = await issueBy(key, body);
  expect(response.status).toBe(201);
  const { username, credential } = (await response.json()) as IssuedCredential;
  return { username, password: credential };
}

/** How many milliseconds until the daemon knows the allocations no more. */
async function untilEnded(allocation: Awaited<ReturnType<typeof allocate>>[1]): Promise<number> {
  const began = performance.now();
  while ((await allocation.refresh()).ok) await pause(20);
  return performance.now() - began;
}

describe('what is revoked', () => {
  it.each([
    ['a credential', ({ username }: Credentials) => [`/v1/credentials/${encodeURIComponent(username)}`, 'DELETE']],
    ['a user', () => ['/v1/users/bob/revoke', 'POST']],
    ['the key that issued it', (_: Credentials, { id }: Key) => [`/v1/keys/${id}`, 'DELETE']],
  ] as const)('%s fails at the next request, and its live allocations end within a second', async (_, how) => {
    const key = await createKey({ scopes: ['issue'] });
    const credentials = await issued(key, { user: 'bob', label: 'room-7' });
    const [client, allocation] = await allocate(daemon.port, credentials);
    const [overTcp, second] = await allocate(daemon.port, credentials, { kind: 'tcp' });
    const other = await issued(await createKey({ scopes: ['issue'] }), { user: 'carol' });
    const [stranger, untouched] = await allocate(daemon.port, other);

    const [path, method] = how(credentials, key);
    expect((await daemon.fetch(path, { method })).status).toBe(204);
    expect(await untilEnded(allocation)).toBeLessThan(1000);
    expect(await untilEnded(second)).toBeLessThan(1000);
    expect((await untouched.refresh()).ok).toBe(true);

    const again = await connect(daemon.port, credentials);
    expect(await again.allocate()).toMatchObject({ ok: false, error: { code: 401 } });
    await daemon.program.waitFor(/"reason":"revoked"/);
    // Revocations outlive the process.
    daemon = await daemon.restart();
    const later = await connect(daemon.port, credentials);
    expect(await later.allocate()).toMatchObject({ ok: false, error: { code: 401 } });
    for (const one of [client, overTcp, stranger, again, later]) one.close();
  });
});

describe('the limits of a key', () => {
  it('keep tenants apart: their users never meet in one quota', async () => {
    const one = await issued(await createKey({ scopes: ['issue'], limits: { userPrefix: 'one-' } }), { user: 'bob' });
    const two = await issued(await createKey({ scopes: ['issue'], limits: { userPrefix: 'two-' } }), { user: 'bob' });
    const clients = await Promise.all([one, two].map((credentials) => allocate(daemon.port, credentials)));
    const { sessions } = (await (await daemon.fetch('/v1/sessions')).json()) as { sessions: { user: string }[] };
    expect(sessions.map(({ user }) => user).sort()).toEqual(['one-bob', 'two-bob']);
    for (const [client] of clients) client.close();
  });

  it('allow so many allocations at once, and give a place back', async () => {
    const key = await createKey({ scopes: ['issue'], limits: { allocations: 2 } });
    const credentials = await Promise.all(['a', 'b', 'c'].map((user) => issued(key, { user })));
    const [[first, allocation], [second]] = (await Promise.all(
      credentials.slice(0, 2).map((one) => allocate(daemon.port, one)),
    )) as [Awaited<ReturnType<typeof allocate>>, Awaited<ReturnType<typeof allocate>>];
    const third = await connect(daemon.port, credentials[2]!);
    expect(await third.allocate()).toMatchObject({ ok: false, error: { code: 486 } });
    await allocation.close();
    await expect.poll(async () => (await third.allocate()).ok).toBe(true);
    for (const one of [first, second, third]) one.close();
  });

  it('end what runs when a budget of bytes is used up, and refuse what is new', async () => {
    const limits = { bytesPerDay: 1000, endOverBudget: true };
    const key = await createKey({ scopes: ['issue'], limits });
    const credentials = await issued(key, { user: 'bob' });
    const [one, a] = await allocate(daemon.port, credentials);
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'x'.repeat(1100));
    await untilEnded(a);
    expect((await b.refresh()).ok).toBe(true);
    const again = await connect(daemon.port, credentials);
    expect(await again.allocate()).toMatchObject({ ok: false, error: { code: 486 } });
    const refused = await issueBy(key, { user: 'bob' });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { code: 'budget_used_up' } });
    for (const client of [one, other, again]) client.close();
  });
});

describe('usage', () => {
  it('is known while the session lives, by label, user and key, and survives a crash', async () => {
    const key = await createKey({ scopes: ['issue'] });
    const [one, a] = await allocate(daemon.port, await issued(key, { user: 'bob', label: 'room-7' }));
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'eleven byte');
    const read = async () => {
      const { usage } = (await (await daemon.fetch('/v1/usage?label=room-7&user=bob')).json()) as {
        usage: { key: string; allocations: number; fromClient: { bytes: number; packets: number } }[];
      };
      return usage;
    };
    await expect.poll(async () => (await read())[0]?.fromClient.bytes ?? 0).toBeGreaterThanOrEqual(11);
    const before = (await read())[0]!;
    expect(before).toMatchObject({ key: key.id, allocations: 1 });
    expect(before.fromClient.bytes).toBe(11 * before.fromClient.packets);
    daemon = await daemon.restart();
    expect(await read()).toMatchObject([before]);
    for (const client of [one, other]) client.close();
  });
});

describe('static users', () => {
  it('are added, used over either password algorithm, and removed with their allocations', async () => {
    const credentials = { username: 'dave', password: 'a good password of dave' };
    const body = JSON.stringify({ password: credentials.password });
    expect((await daemon.fetch('/v1/users/dave', { method: 'PUT', body })).status).toBe(201);
    const [client, allocation] = await allocate(daemon.port, credentials);
    expect((await daemon.fetch('/v1/users/dave', { method: 'DELETE' })).status).toBe(204);
    await untilEnded(allocation);
    const again = await connect(daemon.port, credentials);
    expect(await again.allocate()).toMatchObject({ ok: false, error: { code: 401 } });
    for (const one of [client, again]) one.close();
  });
});

describe('services of the operator', () => {
  let receiver: Server;
  let url: string;
  const received: { path: string; signature: string | undefined; body: Record<string, unknown> }[] = [];

  beforeEach(async () => {
    received.length = 0;
    receiver = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (more) => {
        text += more;
      });
      request.on('end', () => {
        const body = JSON.parse(text) as Record<string, unknown>;
        const signature = request.headers['taciturn-signature'];
        received.push({ path: request.url!, signature: signature as string, body });
        const answer = request.url === '/admission' ? JSON.stringify({ allow: body.user === 'bob' }) : '';
        response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    await daemon.stop();
    daemon = await Taciturn.start(`
webhooks: { urls: ["${url}/hook"], secret: a secret for the receiver }
admission: { url: "${url}/admission", secret: a secret for the receiver, cache: 0s }
`);
  });
  afterEach(() => {
    receiver.closeAllConnections();
    receiver.close();
  });

  it('decide about allocations, and hear when they begin and end', async () => {
    const bob = await daemon.issueCredential({ user: 'bob', label: 'room-7' });
    const eve = await daemon.issueCredential({ user: 'eve' });
    const [client, allocation] = await allocate(daemon.port, { username: bob.username, password: bob.credential });
    const refused = await connect(daemon.port, { username: eve.username, password: eve.credential });
    expect(await refused.allocate()).toMatchObject({ ok: false, error: { code: 403 } });
    await allocation.close();
    const hooks = () => received.filter(({ path }) => path === '/hook').map(({ body }) => body);
    await expect.poll(hooks).toMatchObject([
      { event: 'allocation-created', data: { user: 'bob', label: 'room-7' } },
      { event: 'allocation-ended', data: { user: 'bob', label: 'room-7' } },
    ]);
    expect(received.every(({ signature }) => /^t=\d+,v1=[0-9a-f]{64}$/.test(signature ?? ''))).toBe(true);
    for (const one of [client, refused]) one.close();
  });
});
