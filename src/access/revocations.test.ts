import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RevocationKind } from '../store/store.ts';
import { unixSeconds } from '../turn/time.ts';
import { Revocations } from './revocations.ts';

const kinds: readonly RevocationKind[] = ['credential', 'user', 'key'];
const at = unixSeconds;

function some(most = 8): Revocations {
  return new Revocations(most, randomBytes);
}

describe('revocations', () => {
  it('hold for a credential, all of its user, or all of its key', () => {
    const credential = { username: '9:alice#room#key', user: 'alice', issuer: 'key' };
    for (const [kind, name] of [
      ['credential', credential.username],
      ['user', 'alice'],
      ['key', 'key'],
    ] as const) {
      const revocations = some();
      expect(revocations.isRevoked(credential, at(10))).toBe(false);
      revocations.add({ kind, name, until: at(20) }, at(10));
      expect(revocations.isRevoked(credential, at(19))).toBe(true);
      expect(revocations.isRevoked(credential, at(20))).toBe(false);
      expect(revocations.isRevoked({ username: 'alice', user: 'bob', issuer: undefined }, at(19))).toBe(false);
    }
  });

  it('of one name and different kinds are different', () => {
    const revocations = some();
    revocations.add({ kind: 'user', name: 'x', until: at(20) }, at(0));
    expect(kinds.map((kind) => revocations.has(kind, 'x', at(0)))).toEqual([false, true, false]);
  });

  it('last as long as the longer one of two', () => {
    const revocations = some();
    for (const until of [20, 30, 10]) revocations.add({ kind: 'user', name: 'x', until: at(until) }, at(0));
    expect(revocations.until('user', 'x')).toBe(30);
    expect(revocations.size).toBe(1);
  });

  it('last until 2106 at the longest', () => {
    const revocations = some();
    revocations.add({ kind: 'user', name: 'x', until: at(999_999_999_999) }, at(0));
    expect(revocations.until('user', 'x')).toBe(0xffff_ffff);
  });

  it('are refused beyond their number, unless others have run out', () => {
    const revocations = some(2);
    expect(revocations.add({ kind: 'user', name: 'a', until: at(20) }, at(0))).toBe(true);
    expect(revocations.add({ kind: 'user', name: 'b', until: at(30) }, at(0))).toBe(true);
    expect(revocations.add({ kind: 'user', name: 'c', until: at(30) }, at(10))).toBe(false);
    expect(revocations.add({ kind: 'user', name: 'c', until: at(30) }, at(20))).toBe(true);
    expect(revocations.has('user', 'a', at(0))).toBe(false);
  });

  it('that have run out are forgotten a few at a time', () => {
    const revocations = some(100);
    for (let i = 0; i < 100; i++) revocations.add({ kind: 'user', name: `${i}`, until: at(i < 50 ? 10 : 20) }, at(0));
    expect(revocations.sweep(at(10), 30)).toBe(30);
    expect(revocations.sweep(at(10), 30)).toBe(20);
    expect(revocations.sweep(at(20), 100)).toBe(50);
    expect(revocations.size).toBe(0);
  });

  it('are what a plain map would hold', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'remove', 'sweep'),
      kind: fc.constantFrom(...kinds),
      name: fc.constantFrom('a', 'b', 'c', 'constructor'),
      until: fc.integer({ min: 1, max: 50 }),
      later: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const revocations = some(12);
        const model = new Map<string, number>();
        let now = 0;
        for (const { what, kind, name, until, later } of steps) {
          now += later;
          const id = `${kind}:${name}`;
          const known = model.get(id);
          if (what === 'add') {
            expect(revocations.add({ kind, name, until: at(until) }, at(now))).toBe(true);
            model.set(id, Math.max(until, known ?? 0));
          } else if (what === 'remove') {
            revocations.remove(kind, name);
            model.delete(id);
          } else revocations.sweep(at(now), 3);
          for (const kind of kinds) {
            for (const name of ['a', 'b', 'c', 'constructor']) {
              expect(revocations.has(kind, name, at(now))).toBe((model.get(`${kind}:${name}`) ?? 0) > now);
            }
          }
        }
      }),
    );
  });
});
