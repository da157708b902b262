/** Two daemons that share one Redis, as Debian has it. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisServer } from '../store/redis-server.ts';
import { requirePeer } from './peers.ts';
import { alice, allocate, connect, relay } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';

describe.skipIf(!requirePeer('redis-server'))('two daemons on one Redis', () => {
  let redis: RedisServer;
  let one: Taciturn;
  let two: Taciturn;

  beforeEach(async () => {
    redis = await RedisServer.start();
    const yaml = `store: { redis: "${redis.url}" }\nlimits: { allocationsPerUser: 2 }\n`;
    one = await Taciturn.start(yaml);
    // The first one has made the admin key.
    two = await Taciturn.start(yaml, { apiKey: one.apiKey });
  });
  afterEach(async () => {
    await Promise.all([one?.stop(), two?.stop()]);
    await redis?.remove();
  });

  it('share keys: what one has issued, the other revokes, and its allocation ends within a second', async () => {
    expect(two.report.apiKey).toBeNull();
    const { username, credential } = await one.issueCredential({ user: 'bob' });
    const [client, allocation] = await allocate(two.port, { username, password: credential });
    const path = `/v1/credentials/${encodeURIComponent(username)}`;
    expect((await one.fetch(path, { method: 'DELETE' })).status).toBe(204);
    const began = performance.now();
    while ((await allocation.refresh()).ok) await pause(20);
    expect(performance.now() - began).toBeLessThan(1000);
    for (const { port } of [one, two]) {
      const again = await connect(port, { username, password: credential });
      expect(await again.allocate()).toMatchObject({ ok: false, error: { code: 401 } });
      again.close();
    }
    client.close();
  });

  it('hold the quota of a user together, and forget what a daemon held that is gone', { timeout: 60_000 }, async () => {
    const { username, credential } = await one.issueCredential({ user: 'bob' });
    const bob = { username, password: credential };
    const [first] = await allocate(one.port, bob);
    const [second, allocation] = await allocate(two.port, bob);
    const third = await connect(two.port, bob);
    expect(await third.allocate()).toMatchObject({ ok: false, error: { code: 486 } });
    await allocation.close();
    await expect.poll(async () => (await third.allocate()).ok).toBe(true);
    await two.program.stop();
    const fourth = await connect(one.port, bob);
    await expect.poll(async () => (await fourth.allocate()).ok, { timeout: 30_000, interval: 500 }).toBe(true);
    for (const client of [first, second, third, fourth]) client.close();
  });

  it('add their usage up', async () => {
    const { username, credential } = await one.issueCredential({ user: 'bob', label: 'room-7' });
    for (const daemon of [one, two]) {
      const [client, a] = await allocate(daemon.port, { username, password: credential });
      const [other, b] = await allocate(daemon.port);
      await relay(a, b, 'eleven byte');
      await a.close();
      for (const each of [client, other]) each.close();
    }
    const usage = async () =>
      ((await (await one.fetch('/v1/usage?label=room-7')).json()) as { usage: { allocations: number }[] }).usage;
    await expect.poll(usage, { timeout: 10_000 }).toMatchObject([{ user: 'bob', allocations: 2 }]);
  });

  it('go on without it: sessions and credentials stay, issuing says 503, and all comes back', {
    timeout: 60_000,
  }, async () => {
    const { username, credential } = await one.issueCredential({ user: 'bob' });
    const [client, a] = await allocate(one.port, { username, password: credential });
    const [other, b] = await allocate(one.port);
    await redis.stop();
    const issue = () => one.fetch('/v1/credentials', { method: 'POST', body: '{}' });
    await expect.poll(async () => (await issue()).status, { timeout: 5000 }).toBe(503);
    const began = performance.now();
    expect(await (await issue()).json()).toMatchObject({ error: { code: 'store_unavailable' } });
    expect(performance.now() - began).toBeLessThan(1000);

    await relay(a, b, 'still relayed');
    expect((await a.refresh()).ok).toBe(true);
    const [later, c] = await allocate(one.port, { username, password: credential });
    expect((await c.refresh()).ok).toBe(true);
    const [user] = await allocate(one.port, alice);

    await redis.start();
    await expect.poll(async () => (await issue()).status, { timeout: 20_000 }).toBe(201);
    expect((await a.refresh()).ok).toBe(true);
    for (const each of [client, other, later, user]) each.close();
  });
});
