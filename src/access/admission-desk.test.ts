import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryData, MemoryStore } from '../../test/store/memory-store.ts';
import type { KeyLimits } from '../credentials/api-keys.ts';
import type { AdmissionCandidate } from '../turn/admission.ts';
import { AdmissionDesk, type AdmissionDeskOptions } from './admission-desk.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const keys: Readonly<Record<string, KeyLimits>> = { free: {}, two: { allocations: 2 } };

function desk(changed: Partial<AdmissionDeskOptions> = {}): AdmissionDesk {
  return new AdmissionDesk({
    isRevoked: () => false,
    limitsOf: (key) => keys[key],
    isOverBudget: () => false,
    whenUnavailable: () => 'refuse',
    quotas: undefined,
    allocationsPerUser: () => 2,
    mostAllocations: 100,
    ...changed,
  });
}

function candidate(id: string, changed: Partial<AdmissionCandidate> = {}): AdmissionCandidate {
  const who = { username: '9:alice##free', user: 'alice', label: undefined, issuer: 'free' };
  return { id, ...who, client: '192.0.2.1:1234', transport: 'udp', ...changed };
}

const never = () => new Promise<never>(() => undefined);

describe('the admission desk', () => {
  it('allows what nothing speaks against, with an issuer and without', async () => {
    const some = desk();
    expect(await some.decide(candidate('a'), 0)).toBe('allowed');
    expect(await some.decide(candidate('b', { issuer: undefined }), 0)).toBe('allowed');
    expect(some.verdicts.allowed).toBe(2);
  });

  it('refuses what is revoked, what a key issued that is gone, and what is over budget', async () => {
    expect(await desk({ isRevoked: ({ user }) => user === 'alice' }).decide(candidate('a'), 0)).toBe('revoked');
    expect(await desk().decide(candidate('a', { issuer: 'gone' }), 0)).toBe('revoked');
    expect(await desk({ isOverBudget: () => true }).decide(candidate('a'), 0)).toBe('budget');
  });

  it('refuses what is revoked while the service is asked', async () => {
    let isRevoked = false;
    const ask = async () => {
      isRevoked = true;
      return true;
    };
    const some = desk({ isRevoked: () => isRevoked, ask });
    expect(await some.decide(candidate('a'), 0)).toBe('revoked');
    expect(some.size).toBe(0);
  });

  it('counts the allocations of a key, each until it has ended', async () => {
    const some = desk();
    const issuer = 'two';
    const decide = (id: string, server = 0) => some.decide(candidate(id, { issuer, user: id }), server);
    expect(await Promise.all([decide('a'), decide('b', 1), decide('c')])).toEqual(['allowed', 'allowed', 'key-quota']);
    some.ended('a');
    some.ended('a');
    some.unused('nobody');
    expect([await decide('d'), await decide('e')]).toEqual(['allowed', 'key-quota']);
    some.serverDied(1);
    expect([await decide('f'), await decide('g')]).toEqual(['allowed', 'key-quota']);
    some.unused('f');
    some.ended('d');
    expect(some.size).toBe(0);
  });

  it('gives the place back when the service does not want it', async () => {
    const some = desk({ ask: async ({ user }) => user !== 'bad' });
    const decide = (id: string, user: string) => some.decide(candidate(id, { issuer: 'two', user }), 0);
    for (const id of ['a', 'b', 'c']) expect(await decide(id, 'bad')).toBe('denied');
    expect(await decide('d', 'good')).toBe('allowed');
  });

  it.each([
    ['allow', 'allowed'],
    ['refuse', 'denied'],
  ] as const)('does as configured when the service fails or hangs: %s', async (whenUnavailable, verdict) => {
    const failing = desk({ whenUnavailable: () => whenUnavailable, ask: () => Promise.reject(new Error('no route')) });
    expect(await failing.decide(candidate('a'), 0)).toBe(verdict);
    const hanging = desk({ whenUnavailable: () => whenUnavailable, ask: never }).decide(candidate('a'), 0);
    await vi.advanceTimersByTimeAsync(3000);
    expect(await hanging).toBe(verdict);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds no more than it has room for, and no id twice', async () => {
    const some = desk({ mostAllocations: 2 });
    expect(await some.decide(candidate('a'), 0)).toBe('allowed');
    expect(await some.decide(candidate('a'), 1)).toBe('denied');
    expect(await some.decide(candidate('b'), 0)).toBe('allowed');
    expect(await some.decide(candidate('c'), 0)).toBe('denied');
  });

  it('does not count what is gone before it is decided', async () => {
    const some = desk({ ask: async () => true });
    const deciding = some.decide(candidate('a', { issuer: 'two' }), 3);
    some.serverDied(3);
    expect(await deciding).toBe('denied');
    expect(some.size).toBe(0);
  });
});

describe('with other daemons, the admission desk', () => {
  function daemons() {
    const data = new MemoryData();
    const stores = [0, 1].map(() => new MemoryStore(data, { sharesQuotas: true }));
    const [here, there] = stores.map((store) => desk({ quotas: store.sharedQuotas! }));
    return { stores, here: here!, there: there! };
  }

  it('counts the allocations of a user at all of them', async () => {
    const { here, there } = daemons();
    expect(await here.decide(candidate('a'), 0)).toBe('allowed');
    expect(await there.decide(candidate('b'), 0)).toBe('allowed');
    expect(await here.decide(candidate('c'), 0)).toBe('user-quota');
    expect(here.size).toBe(1);
    there.ended('b');
    expect(await here.decide(candidate('d'), 0)).toBe('allowed');
  });

  it('goes on without them while the store is away, and tells later what it has', async () => {
    const { here, there, stores } = daemons();
    stores[0]!.fails = () => true;
    expect(await here.decide(candidate('a'), 0)).toBe('allowed');
    expect(await here.decide(candidate('b'), 0)).toBe('allowed');
    expect(await there.decide(candidate('c'), 0)).toBe('allowed');
    stores[0]!.fails = () => false;
    expect(here.held()).toEqual(new Map([['alice', 2]]));
    await stores[0]!.sharedQuotas!.renew(here.held());
    there.ended('c');
    expect(await there.decide(candidate('d'), 0)).toBe('user-quota');
    here.ended('a');
    expect(await there.decide(candidate('e'), 0)).toBe('allowed');
  });

  it('waits three seconds for all together at the longest', async () => {
    const quotas = { enter: never, leave: never, renew: never };
    const deciding = desk({ ask: never, whenUnavailable: () => 'allow', quotas }).decide(candidate('a'), 0);
    await vi.advanceTimersByTimeAsync(3000);
    expect(await deciding).toBe('allowed');
  });

  it('gives back what is counted after nobody waits for it any more', async () => {
    let count = 0;
    let answer = (_: boolean) => {};
    const quotas = {
      enter: () => {
        count++;
        return new Promise<boolean>((resolve) => {
          answer = resolve;
        });
      },
      leave: async () => {
        count--;
      },
      renew: never,
    };
    const some = desk({ quotas });
    const deciding = some.decide(candidate('a'), 0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await deciding).toBe('allowed');
    some.ended('a');
    answer(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(count).toBe(0);
  });
});
