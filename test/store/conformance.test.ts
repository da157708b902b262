/** What every kind of store does alike. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Change, type Store, StoreError, type Usage } from '../../src/store/store.ts';
import { unixSeconds } from '../../src/turn/time.ts';
import { requirePeer } from '../interop/peers.ts';
import { now, redisPlace, type StorePlace, sqlitePlace, storedKey, storedUser, usageOf } from './kinds.ts';

const kinds = [
  { kind: 'SQLite', place: sqlitePlace, possible: true },
  { kind: 'Redis', place: redisPlace, possible: requirePeer('redis-server') },
].filter(({ possible }) => possible);

const later = unixSeconds(now + 3600);

describe.each(kinds)('a store in $kind', ({ place: makePlace }) => {
  let place: StorePlace;
  let store: Store;
  /** As another daemon or the command line has it. */
  let other: Store;

  beforeEach(async () => {
    place = await makePlace();
    [store, other] = await Promise.all([place.open(), place.open()]);
  });
  afterEach(async () => {
    await Promise.all([store?.close(), other?.close()]);
    await place.remove();
  });

  /** All that has changed since. */
  async function changesSince(position: string): Promise<readonly Change[]> {
    const all: Change[] = [];
    for (let at = position; ; ) {
      const found = (await store.changesAfter(at, 0))!;
      if (found.changes.length === 0) return all;
      all.push(...found.changes);
      at = found.position;
    }
  }

  describe('keys', () => {
    it('come back as they were stored, with whatever limits', async () => {
      const plain = storedKey('plain');
      const limited = storedKey('limited', {
        name: 'Zoë’s "key"; DROP TABLE keys',
        scopes: ['issue', 'admin'],
        limits: {
          maxTtlSeconds: 60,
          origins: ['https://app.example.org'],
          endOverBudget: true,
          bytesPerMonth: 2 ** 50,
        },
      });
      expect(await store.addKey(plain)).toBe(true);
      expect(await store.addKey(limited)).toBe(true);
      expect(await other.key('limited')).toEqual(limited);
      expect(await other.key('plain')).toEqual(plain);
      expect(await other.key('constructor')).toBeUndefined();
      expect((await other.keys()).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([limited, plain]);
    });

    it('are not put in the place of one with the same id', async () => {
      await store.addKey(storedKey('a'));
      expect(await other.addKey(storedKey('a', { name: 'another' }))).toBe(false);
      expect(await store.key('a')).toEqual(storedKey('a'));
    });

    it('are made by one of many first starts at once', async () => {
      const starts = Array.from({ length: 10 }, (_, i) =>
        (i % 2 === 0 ? store : other).addFirstKey(storedKey(`k${i}`)),
      );
      expect((await Promise.all(starts)).filter(Boolean)).toHaveLength(1);
      expect(await store.keys()).toHaveLength(1);
    });

    it('leave a revocation of what they have issued', async () => {
      await store.addKey(storedKey('a'));
      expect(await store.removeKey('a', later)).toBe(true);
      expect(await store.removeKey('a', later)).toBe(false);
      expect(await other.key('a')).toBeUndefined();
      expect(await other.revocations(now)).toEqual([{ kind: 'key', name: 'a', until: later }]);
    });

    it('are all listed when there are thousands', async () => {
      const ids = Array.from({ length: 4500 }, (_, i) => `k${i}`);
      for (let i = 0; i < ids.length; i += 500) {
        await Promise.all(ids.slice(i, i + 500).map((id) => store.addKey(storedKey(id))));
      }
      const listed = (await other.keys()).map(({ id }) => id);
      expect(listed).toHaveLength(ids.length);
      expect(new Set(listed)).toEqual(new Set(ids));
    });
  });

  describe('users', () => {
    it('come back as they were stored, and are replaced by their name', async () => {
      const bob = storedUser('bob');
      const imported = storedUser('alice', { sha256Key: undefined });
      expect(await store.putUser(bob)).toBe(true);
      expect(await store.putUser(imported)).toBe(true);
      const changed = storedUser('bob', { md5Key: 'ff'.repeat(16) });
      expect(await other.putUser(changed)).toBe(false);
      expect((await store.users()).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([imported, changed]);
    });

    it('are gone once they are removed', async () => {
      await store.putUser(storedUser('bob'));
      expect(await other.removeUser('bob')).toBe(true);
      expect(await other.removeUser('bob')).toBe(false);
      expect(await store.users()).toEqual([]);
    });
  });

  describe('revocations', () => {
    it('are in force until they run out, and are then forgotten', async () => {
      await store.revoke({ kind: 'credential', name: '1800000001:bob#a', until: unixSeconds(now + 1) }, 10, now);
      await store.revoke({ kind: 'user', name: 'bob', until: later }, 10, now);
      expect(await other.revocations(now)).toHaveLength(2);
      const afterwards = unixSeconds(now + 2);
      expect(await other.revocations(afterwards)).toEqual([{ kind: 'user', name: 'bob', until: later }]);
      await store.prune(afterwards, '2026-01-01');
      expect(await other.revocations(now)).toEqual([{ kind: 'user', name: 'bob', until: later }]);
    });

    it('of the same thing count the longer one', async () => {
      await store.revoke({ kind: 'user', name: 'bob', until: later }, 10, now);
      await store.revoke({ kind: 'user', name: 'bob', until: now }, 10, now);
      expect(await store.revocations(now)).toEqual([{ kind: 'user', name: 'bob', until: later }]);
      const longest = unixSeconds(later + 1);
      await other.revoke({ kind: 'user', name: 'bob', until: longest }, 10, now);
      await other.revoke({ kind: 'key', name: 'bob', until: now }, 10, now);
      expect(new Set(await store.revocations(now))).toEqual(
        new Set([
          { kind: 'user', name: 'bob', until: longest },
          { kind: 'key', name: 'bob', until: now },
        ]),
      );
    });

    it('make room when they have run out', async () => {
      const until = unixSeconds(now + 1);
      for (const name of ['a', 'b']) await store.revoke({ kind: 'user', name, until }, 2, now);
      const revocation = { kind: 'user', name: 'c', until: later } as const;
      expect(await other.revoke(revocation, 2, until)).toBe(false);
      expect(await other.revoke(revocation, 2, unixSeconds(until + 1))).toBe(true);
      expect(await store.revocations(until)).toEqual([revocation]);
    });

    it('are bounded, but for those that are known and those of keys', async () => {
      const revoke = (name: string, until = later) => other.revoke({ kind: 'user', name, until }, 2, now);
      expect([await revoke('a'), await revoke('b'), await revoke('c')]).toEqual([true, true, false]);
      expect(await revoke('b', unixSeconds(later + 1))).toBe(true);
      await store.addKey(storedKey('k'));
      expect(await store.removeKey('k', later)).toBe(true);
      expect(await store.revocations(now)).toHaveLength(3);
      await store.unrevoke('user', 'a');
      await store.unrevoke('user', 'b');
      expect(await revoke('c')).toBe(true);
      expect(await revoke('d')).toBe(false);
      await store.prune(unixSeconds(later + 2), '2026-01-01');
      expect(await revoke('d')).toBe(true);
    });

    it('can be taken back', async () => {
      await store.revoke({ kind: 'user', name: 'bob', until: later }, 10, now);
      expect(await other.unrevoke('credential', 'bob')).toBe(false);
      expect(await other.unrevoke('user', 'bob')).toBe(true);
      expect(await other.unrevoke('user', 'bob')).toBe(false);
      expect(await store.revocations(now)).toEqual([]);
    });
  });

  describe('usage', () => {
    it('adds up, whoever counts it', async () => {
      await Promise.all([store.addUsage([usageOf(), usageOf({ user: 'eve' })]), other.addUsage([usageOf()])]);
      const twice = {
        fromClientBytes: 2,
        fromClientPackets: 4,
        toClientBytes: 8,
        toClientPackets: 16,
        allocations: 32,
      };
      expect(await store.usage({ limit: 10 })).toEqual([usageOf(twice), usageOf({ user: 'eve' })]);
    });

    it('is found by day, key, user and label, in order and no more than asked for', async () => {
      const days = ['2026-10-31', '2026-11-01', '2026-11-30', '2026-12-01'];
      const all = days.flatMap((day) =>
        ['', 'a', 'a-b', 'b'].flatMap((key) =>
          ['bob', 'bob2', 'zoë'].flatMap((user) => ['', 'x'].map((label) => usageOf({ day, key, user, label }))),
        ),
      );
      await store.addUsage(all.toReversed());
      const limit = 1000;
      expect(await other.usage({ limit })).toEqual(all);
      expect(await other.usage({ limit: 5 })).toEqual(all.slice(0, 5));
      const expectFound = async (query: Partial<Usage> & { from?: string; to?: string }) => {
        const { from = '', to = '9', ...exact } = query;
        const fits = (one: Usage) =>
          one.day >= from &&
          one.day <= to &&
          Object.entries(exact).every(([name, value]) => one[name as 'day'] === value);
        expect(await other.usage({ ...query, limit })).toEqual(all.filter(fits));
        expect(await other.usage({ ...query, limit: 3 })).toEqual(all.filter(fits).slice(0, 3));
      };
      await expectFound({ from: '2026-11-01', to: '2026-11-30' });
      await expectFound({ from: '2026-11-02' });
      await expectFound({ key: 'a' });
      await expectFound({ key: '' });
      await expectFound({ key: 'a', to: '2026-11-01', user: 'zoë' });
      await expectFound({ user: 'bob', label: '' });
      await expectFound({ label: 'x', from: '2026-12-01' });
      await expectFound({ user: "' OR 1=1 --" });
    });

    it('is found beyond one page', async () => {
      const many = Array.from({ length: 2500 }, (_, i) => usageOf({ user: `u${String(i).padStart(4, '0')}` }));
      await store.addUsage(many);
      expect(await store.usage({ limit: 2400 })).toEqual(many.slice(0, 2400));
      expect(await store.usage({ limit: 10, user: 'u2400' })).toEqual([many[2400]]);
    });

    it('counts what is large, and names that are strange', async () => {
      const strange = usageOf({ key: '', user: '\x01a\x02:"%', label: 'é\u{1f600}', fromClientBytes: 2 ** 52 });
      await store.addUsage([strange]);
      await store.addUsage([{ ...strange, fromClientBytes: 1 }]);
      const [found] = await store.usage({ user: strange.user, label: strange.label, limit: 1 });
      expect(found).toMatchObject({ user: strange.user, label: strange.label, fromClientBytes: 2 ** 52 + 1 });
    });

    it('is known per key for a day and its month, and outlives old days', async () => {
      const bytes = (day: string, key: string, fromClientBytes: number) =>
        usageOf({ day, key, fromClientBytes, toClientBytes: 1 });
      await store.addUsage([
        bytes('2026-10-31', 'a', 1000),
        bytes('2026-11-01', 'a', 100),
        bytes('2026-11-23', 'a', 10),
        { ...bytes('2026-11-23', 'a', 10), user: 'eve' },
        bytes('2026-11-23', 'b', 5),
      ]);
      const expected = new Map([
        ['a', { day: 22, month: 123 }],
        ['b', { day: 6, month: 6 }],
        ['none', { day: 0, month: 0 }],
      ]);
      expect(await other.bytesOfKeys(['a', 'b', 'none'], '2026-11-23')).toEqual(expected);
      await store.prune(now, '2026-11-22');
      expect((await other.usage({ limit: 10 })).map(({ day }) => day)).toEqual(Array(3).fill('2026-11-23'));
      expect(await other.bytesOfKeys(['a', 'b', 'none'], '2026-11-23')).toEqual(expected);
      expect(await other.bytesOfKeys(['a'], '2026-10-31')).toEqual(new Map([['a', { day: 0, month: 0 }]]));
    });
  });

  describe('changes', () => {
    it('are told to who follows, whoever makes them', async () => {
      const position = await store.position();
      expect(await store.changesAfter(position, 0)).toEqual({ changes: [], position });
      const waiting = store.changesAfter(position, 5000);
      await other.addKey(storedKey('a'));
      expect((await waiting)?.changes).toEqual([{ kind: 'key', id: 'a' }]);

      const revocation = { kind: 'user', name: 'bob', until: later } as const;
      await other.putUser(storedUser('bob'));
      await other.removeUser('bob');
      await other.revoke(revocation, 10, now);
      await other.unrevoke('user', 'bob');
      await other.removeKey('a', later);
      expect(await changesSince(position)).toEqual([
        { kind: 'key', id: 'a' },
        { kind: 'user', name: 'bob' },
        { kind: 'user', name: 'bob' },
        { kind: 'revocation', revocation },
        { kind: 'unrevocation', of: 'user', name: 'bob' },
        { kind: 'key', id: 'a' },
        { kind: 'revocation', revocation: { kind: 'key', name: 'a', until: later } },
      ]);
    });

    it('are none where nothing has changed', async () => {
      const position = await store.position();
      await store.removeKey('none', later);
      await store.removeUser('none');
      await store.unrevoke('user', 'none');
      await store.revoke({ kind: 'user', name: 'bob', until: later }, 0, now);
      await store.addUsage([usageOf()]);
      expect(await changesSince(position)).toEqual([]);
    });

    it('are waited for no longer than asked', async () => {
      const position = await store.position();
      expect(await store.changesAfter(position, 300)).toEqual({ changes: [], position });
    });

    it('cannot be followed from a position that is not one of theirs', async () => {
      await store.addKey(storedKey('a'));
      const position = await store.position();
      expect(await store.changesAfter(position.replace(/\d+$/, '1000'), 0)).toBeUndefined();
    });

    it('are followed through more of them than are read at once', async () => {
      const position = await store.position();
      const names = Array.from({ length: 2300 }, (_, i) => `u${i}`);
      for (let i = 0; i < names.length; i += 500) {
        const some = names.slice(i, i + 500);
        await Promise.all(some.map((name) => other.revoke({ kind: 'user', name, until: later }, 10_000, now)));
      }
      expect((await changesSince(position)).length).toBe(names.length);
    });
  });

  it('refuses everything once it is closed, also to who waits for a change', async () => {
    const position = await store.position();
    const waiting = expect(store.changesAfter(position, 60_000)).rejects.toThrow(StoreError);
    await store.close();
    await waiting;
    await expect(store.keys()).rejects.toThrow(StoreError);
    await expect(store.addUsage([usageOf()])).rejects.toThrow(StoreError);
    await store.close();
  });

  it('keeps everything for the next start', async () => {
    await store.addKey(storedKey('a'));
    await store.addUsage([usageOf()]);
    await Promise.all([store.close(), other.close()]);
    store = await place.open();
    expect(await store.keys()).toEqual([storedKey('a')]);
    expect(await store.usage({ limit: 10 })).toEqual([usageOf()]);
  });
});
