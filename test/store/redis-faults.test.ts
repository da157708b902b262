/** Redis that goes away, hangs, refuses, and comes back; and what daemons share through it. */
import { createClient, type RedisClientType } from '@redis/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import type { RedisStore } from '../../src/store/redis/redis-store.ts';
import { StoreError } from '../../src/store/store.ts';
import { requirePeer } from '../interop/peers.ts';
import { now, storedKey, storedUser, usageOf } from './kinds.ts';
import { RedisServer } from './redis-server.ts';

const password = 'k4-secret-of-the-test';
const WITHIN_MS = 800;
/** What a busy machine may add. */
const SLACK_MS = 200;

describe.skipIf(!requirePeer('redis-server'))('Redis', () => {
  let server: RedisServer;
  let store: RedisStore;
  let tests = 0;

  beforeAll(async () => {
    server = await RedisServer.start({ password });
  });
  afterAll(() => server?.remove());
  beforeEach(async () => {
    tests++;
    store = await open();
  });
  afterEach(async () => {
    await store.close();
  });

  async function open(): Promise<RedisStore> {
    return (await openStore({ dataDir: '', redis: server.url, redisPrefix: `t${tests}:` })) as RedisStore;
  }

  async function administrate<T>(work: (client: RedisClientType) => Promise<T>): Promise<T> {
    const client: RedisClientType = createClient({ url: server.url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }

  /** Every call there is, each of which has to fail soon. */
  async function expectAllToFail(): Promise<void> {
    const position = `${crypto.randomUUID()} 0`;
    const calls: readonly (() => Promise<unknown>)[] = [
      () => store.keys(),
      () => store.key('a'),
      () => store.addKey(storedKey('never')),
      () => store.removeKey('a', now),
      () => store.users(),
      () => store.putUser(storedUser('never')),
      () => store.revocations(now),
      () => store.revoke({ kind: 'user', name: 'never', until: now }, 10, now),
      () => store.unrevoke('user', 'never'),
      () => store.usage({ limit: 1 }),
      () => store.bytesOfKeys(['a'], '2026-11-23'),
      () => store.position(),
      () => store.changesAfter(position, 60_000),
      () => store.sharedQuotas.enter('never', 1),
      () => store.sharedQuotas.renew(new Map()),
    ];
    for (const call of calls) {
      const began = performance.now();
      const error = await call().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, String(call)).toBeInstanceOf(StoreError);
      expect((error as Error).message).toMatch(/^Redis at 127\.0\.0\.1:\d+ (cannot be reached|does not answer)/);
      expect((error as Error).message).not.toContain(password);
      expect(performance.now() - began, String(call)).toBeLessThan(WITHIN_MS + SLACK_MS);
    }
  }

  async function isBack(): Promise<void> {
    await expect.poll(() => store.keys().then((keys) => keys.length, String), { timeout: 10_000 }).toBe(1);
  }

  it('that is stopped has every call fail at once, and is used again when it is started', async () => {
    await store.addKey(storedKey('a'));
    await server.stop();
    await expectAllToFail();
    await server.start();
    await isBack();
  });

  it('that hangs has every call fail within a second, and is used again when it goes on', async () => {
    await store.addKey(storedKey('a'));
    server.pause();
    await expectAllToFail();
    server.resume();
    await isBack();
  });

  it('that hangs while a change is waited for is noticed', async () => {
    const waiting = store.changesAfter(await store.position(), 60_000);
    server.pause();
    await expect(waiting).rejects.toThrow(StoreError);
    server.resume();
  });

  it('counts usage once, though it was told to when it hung and again afterwards', async () => {
    await store.addUsage([usageOf()]);
    server.pause();
    // The kernel has it already: Redis carries it out as soon as it goes on.
    await expect(store.addUsage([usageOf({ user: 'eve' })])).rejects.toThrow(StoreError);
    await expect(store.addUsage([usageOf({ user: 'eve' })])).rejects.toThrow(StoreError);
    server.resume();
    const add = () => store.addUsage([usageOf({ user: 'eve' })]).then(() => 'added', String);
    await expect.poll(add, { timeout: 10_000 }).toBe('added');
    expect(await store.usage({ limit: 10 })).toEqual([usageOf(), usageOf({ user: 'eve' })]);
    const { fromClientBytes, toClientBytes } = usageOf();
    const bytes = 2 * (fromClientBytes + toClientBytes);
    expect(await store.bytesOfKeys(['app'], '2026-11-23')).toEqual(new Map([['app', { day: bytes, month: bytes }]]));
  });

  it('that has lost its data is read anew', async () => {
    await store.addKey(storedKey('a'));
    const position = await store.position();
    await administrate((client) => client.flushAll());
    expect(await store.changesAfter(position, 0)).toBeUndefined();
    for (const id of ['b', 'c', 'd']) await store.addKey(storedKey(id));
    expect(await store.changesAfter(position, 0)).toBeUndefined();
  });

  it('that has dropped changes nobody had read is read anew', async () => {
    const position = await store.position();
    for (const id of ['a', 'b', 'c']) await store.addKey(storedKey(id));
    await administrate((client) => client.xTrim(`t${tests}:changes`, 'MAXLEN', 1));
    expect(await store.changesAfter(position, 0)).toBeUndefined();
    await administrate((client) => client.xTrim(`t${tests}:changes`, 'MAXLEN', 0));
    expect(await store.changesAfter(position, 0)).toBeUndefined();
    const newest = await store.position();
    expect(await store.changesAfter(newest, 0)).toEqual({ changes: [], position: newest });
  });

  it('that refuses to write says what to do, and can be read', async () => {
    await store.addKey(storedKey('a'));
    await administrate((client) => client.configSet('maxmemory', '1'));
    await expect(store.addKey(storedKey('b'))).rejects.toThrow(/refuses \(OOM\)\. It has no memory left/);
    expect(await store.key('a')).toEqual(storedKey('a'));
    await administrate((client) => client.configSet('maxmemory', '0'));
    expect(await store.addKey(storedKey('b'))).toBe(true);
  });

  it.each([
    ['a wrong password', (url: string) => url.replace(password, 'hunter2'), /refuses \(WRONGPASS\)/],
    ['no password', (url: string) => url.replace(`:${password}@`, ''), /refuses \(NOAUTH\)/],
    ['a port where nothing is', (url: string) => url.replace(/\d+$/, '1'), /cannot be reached \(ECONNREFUSED\)/],
    ['a URL that is none', () => 'redis://:hunter2@[', /an address that is no URL/],
  ])('with %s keeps the store from opening', async (_, change, sentence) => {
    const opening = openStore({ dataDir: '', redis: change(server.url), redisPrefix: '' });
    const error = (await opening.catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(StoreError);
    expect(error.message).toMatch(sentence);
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toMatch(/hunter2|k4-secret/);
  });

  describe('quotas', () => {
    let other: RedisStore;

    beforeEach(async () => {
      other = await open();
    });
    afterEach(() => other.close());

    it('hold over all daemons', async () => {
      const entered = Array.from({ length: 10 }, (_, i) => (i % 2 ? store : other).sharedQuotas.enter('bob', 3));
      expect((await Promise.all(entered)).filter(Boolean)).toHaveLength(3);
      expect(await store.sharedQuotas.enter('eve', 1)).toBe(true);
    });

    it('are given back', async () => {
      await store.sharedQuotas.enter('bob', 2);
      await other.sharedQuotas.enter('bob', 2);
      expect(await other.sharedQuotas.enter('bob', 2)).toBe(false);
      await store.sharedQuotas.leave('bob');
      expect(await other.sharedQuotas.enter('bob', 2)).toBe(true);
      // Who has none gives none back.
      await store.sharedQuotas.leave('bob');
      expect(await other.sharedQuotas.enter('bob', 2)).toBe(false);
    });

    it('forget what a daemon held that is gone', async () => {
      await other.sharedQuotas.enter('bob', 1);
      await other.sharedQuotas.renew(new Map([['bob', 1]]));
      const [held, ...more] = await administrate((client) => client.keys(`t${tests}:held:*`));
      expect(more).toEqual([]);
      const seconds = await administrate((client) => client.ttl(held!));
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(15);
      expect(await store.sharedQuotas.enter('bob', 1)).toBe(false);
      await administrate((client) => client.pExpire(held!, 1));
      await expect.poll(() => store.sharedQuotas.enter('bob', 1)).toBe(true);
    });

    it('are restored by who has lost them', async () => {
      await store.sharedQuotas.enter('bob', 5);
      await administrate((client) => client.flushAll());
      await store.sharedQuotas.renew(new Map([['bob', 4]]));
      await other.sharedQuotas.renew(new Map());
      expect(await other.sharedQuotas.enter('bob', 5)).toBe(true);
      expect(await other.sharedQuotas.enter('bob', 5)).toBe(false);
    });
  });
});
