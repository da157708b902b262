import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryData, MemoryStore } from '../../test/store/memory-store.ts';
import type { KeyLimits } from '../credentials/api-keys.ts';
import { StoreError } from '../store/store.ts';
import { unixSeconds } from '../turn/time.ts';
import type { UsageDelta } from '../turn/usage-meter.ts';
import { Accounting } from './accounting.ts';
import { dayOf } from './day.ts';

const noon = unixSeconds(Date.UTC(2026, 10, 23, 12) / 1000);
const day = 86_400;

function delta(bytes: number, who: Partial<UsageDelta> = {}): UsageDelta {
  const packets = { fromClientPackets: 1, toClientPackets: 0, allocations: 0 };
  return { issuer: 'key', user: 'alice', label: 'room', fromClientBytes: bytes, toClientBytes: 0, ...packets, ...who };
}

async function open(limits: Record<string, KeyLimits> = {}, store = new MemoryStore(), mostRows?: number) {
  const clock = { now: noon };
  const told: string[] = [];
  const accounting = await Accounting.open(
    store,
    { limitsOf: (key) => limits[key], now: () => clock.now, ...(mostRows === undefined ? {} : { mostRows }) },
    {
      budgetReached: (key, period, bytes) => told.push(`${key} ${period} ${bytes}`),
      endKey: (key) => told.push(`end ${key}`),
    },
    Object.keys(limits),
  );
  const relay = (bytes: number, who?: Partial<UsageDelta>) => accounting.add([delta(bytes, who)], clock.now);
  return { accounting, store, clock, told, relay };
}

describe('usage', () => {
  it('is added up per day, key, user and label', async () => {
    const { accounting, clock, relay } = await open();
    relay(10, { allocations: 1 });
    relay(5, { toClientBytes: 3, toClientPackets: 2 });
    relay(7, { label: '' });
    clock.now = unixSeconds(noon + day);
    relay(1);
    const usage = await accounting.usage({ limit: 10 });
    expect(usage).toEqual([
      expect.objectContaining({ day: '2026-11-23', key: 'key', user: 'alice', label: '', fromClientBytes: 7 }),
      {
        ...{ day: '2026-11-23', key: 'key', user: 'alice', label: 'room' },
        ...{ fromClientBytes: 15, fromClientPackets: 2, toClientBytes: 3, toClientPackets: 2, allocations: 1 },
      },
      expect.objectContaining({ day: '2026-11-24', fromClientBytes: 1 }),
    ]);
  });

  it('is kept while the store is away, and cannot be asked for then', async () => {
    const { accounting, store, relay } = await open();
    store.fails = () => true;
    relay(10);
    await expect(accounting.flush()).rejects.toThrow(StoreError);
    relay(10);
    await expect(accounting.usage({ limit: 1 })).rejects.toThrow(StoreError);
    expect(accounting.pendingRows).toBe(1);
    expect(accounting.flushFailures).toBe(2);
    store.fails = () => false;
    expect(await accounting.usage({ limit: 1 })).toMatchObject([{ fromClientBytes: 20 }]);
    expect(accounting.pendingRows).toBe(0);
  });

  it('of more users than can wait is counted for their key, and then for none', async () => {
    const { accounting, relay } = await open({}, new MemoryStore(), 2);
    for (const user of ['a', 'b', 'c', 'd']) relay(1, { user });
    for (const issuer of ['x', 'y', 'z']) relay(1, { issuer });
    relay(1, { user: 'a' });
    const rows = (await accounting.usage({ limit: 10 })).map(({ key, user, fromClientBytes }) => [
      key,
      user,
      fromClientBytes,
    ]);
    expect(rows).toEqual([
      ['', '', 2],
      ['key', '', 2],
      ['key', 'a', 2],
      ['key', 'b', 1],
      ['x', '', 1],
    ]);
  });

  it('comes to exactly what was relayed, whenever the store fails', async () => {
    const step = fc.oneof(
      fc.record({ bytes: fc.integer({ min: 0, max: 1000 }), user: fc.constantFrom('a', 'b', 'c'), later: fc.nat(day) }),
      fc.constant('flush' as const),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { accounting, store, clock, relay } = await open({ key: { bytesPerMonth: 1 } }, new MemoryStore(), 3);
        const perDay = new Map<string, number>();
        for (const step of steps) {
          if (typeof step === 'boolean') store.fails = () => step;
          else if (step === 'flush') await accounting.flush().catch(() => undefined);
          else {
            clock.now = unixSeconds(clock.now + step.later);
            relay(step.bytes, { user: step.user });
            perDay.set(dayOf(clock.now), (perDay.get(dayOf(clock.now)) ?? 0) + step.bytes);
          }
        }
        store.fails = () => false;
        const stored = new Map<string, number>();
        for (const row of await accounting.usage({ limit: 1000 })) {
          stored.set(row.day, (stored.get(row.day) ?? 0) + row.fromClientBytes);
        }
        expect(stored).toEqual(perDay);
      }),
    );
  });

  it('is stored once when several ask for it at once', async () => {
    const { accounting, store, relay } = await open();
    relay(10);
    await Promise.all([accounting.flush(), accounting.flush(), accounting.usage({ limit: 1 })]);
    expect(await store.usage({ limit: 10 })).toMatchObject([{ fromClientBytes: 10 }]);
    expect(store.calls.get('addUsage')).toBe(1);
  });
});

describe('a budget', () => {
  it('is used up by bytes of both directions, stored or not, and told once', async () => {
    const { accounting, told, relay } = await open({ key: { bytesPerDay: 100 }, other: {} });
    relay(60);
    await accounting.flush();
    expect(accounting.isOverBudget('key')).toBe(false);
    relay(30, { toClientBytes: 10 });
    expect(accounting.isOverBudget('key')).toBe(true);
    relay(1);
    await accounting.flush();
    expect(accounting.isOverBudget('key')).toBe(true);
    expect(accounting.isOverBudget('other')).toBe(false);
    expect(accounting.isOverBudget('nobody')).toBe(false);
    expect(told).toEqual(['key day 100']);
  });

  it('of a day begins anew at midnight UTC, that of a month does not', async () => {
    const { accounting, clock, told, relay } = await open({ a: { bytesPerDay: 100 }, b: { bytesPerMonth: 150 } });
    for (const issuer of ['a', 'b']) relay(100, { issuer });
    clock.now = unixSeconds(noon + day / 2 - 1);
    expect(accounting.isOverBudget('a')).toBe(true);
    clock.now = unixSeconds(noon + day / 2);
    expect(accounting.isOverBudget('a')).toBe(false);
    await accounting.flush();
    expect(accounting.isOverBudget('a')).toBe(false);
    for (const issuer of ['a', 'b']) relay(100, { issuer });
    expect(told).toEqual(['a day 100', 'a day 100', 'b month 200']);
    await accounting.flush();
    clock.now = unixSeconds(Date.UTC(2026, 11, 1) / 1000);
    expect(accounting.isOverBudget('b')).toBe(false);
  });

  it('ends what runs only by choice, as long as it goes on', async () => {
    const { told, relay } = await open({ key: { bytesPerDay: 10, endOverBudget: true }, other: { bytesPerDay: 10 } });
    relay(10);
    relay(10, { issuer: 'other' });
    relay(1);
    expect(told).toEqual(['key day 10', 'end key', 'other day 10', 'end key']);
  });

  it('is known after a restart, and not told again', async () => {
    const first = await open({ key: { bytesPerDay: 10 } });
    first.relay(10);
    await first.accounting.flush();
    const second = await open({ key: { bytesPerDay: 10 } }, first.store);
    expect(second.accounting.isOverBudget('key')).toBe(true);
    second.relay(1);
    expect(second.told).toEqual([]);
  });

  it('counts what other daemons have relayed', async () => {
    const data = new MemoryData();
    const limits = { key: { bytesPerDay: 100, endOverBudget: true } };
    const [here, there] = [await open(limits, new MemoryStore(data)), await open(limits, new MemoryStore(data))];
    here.relay(40);
    there.relay(60);
    await here.accounting.flush();
    await there.accounting.flush();
    expect(there.accounting.isOverBudget('key')).toBe(true);
    expect(here.accounting.isOverBudget('key')).toBe(false);
    await here.accounting.flush();
    expect(here.accounting.isOverBudget('key')).toBe(true);
    expect(here.told).toEqual(['key day 100', 'end key']);
  });

  it('is not exceeded further while the store is away', async () => {
    const { accounting, store, relay } = await open({ key: { bytesPerDay: 100 } });
    relay(60);
    await accounting.flush();
    store.fails = () => true;
    relay(60);
    await accounting.flush().catch(() => undefined);
    expect(accounting.isOverBudget('key')).toBe(true);
  });
});
