import { describe, expect, it } from 'vitest';
import { addressDependent, everyBehavior, independent, strict } from '../../../test/nat/sample-diagnoses.ts';
import { canPunch, type NatBehavior, punch } from './hole-punching.ts';

const all: NatBehavior[] = everyBehavior.flatMap((mapping) =>
  everyBehavior.map((filtering) => ({ mapping, filtering })),
);
const isIndependent = ({ mapping }: NatBehavior) => mapping === independent;

/** The rule of the literature, for NATs whose filtering is not looser than their mapping. */
function rule(a: NatBehavior, b: NatBehavior): boolean {
  const lets = ({ mapping, filtering }: NatBehavior) => mapping === independent && filtering !== strict;
  return lets(a) || lets(b) || (isIndependent(a) && isIndependent(b));
}

const isUsual = (nat: NatBehavior) => isIndependent(nat) || nat.filtering !== independent;

describe('hole punching', () => {
  const pairs = all.flatMap((a) => all.map((b) => [a, b] as const));

  it.each(pairs.filter(([a, b]) => isUsual(a) && isUsual(b)))('follows the rule: %j with %j', (a, b) => {
    expect(canPunch(a, b)).toBe(rule(a, b));
  });

  it('does not depend on who is first', () => {
    for (const [a, b] of pairs) expect(canPunch(a, b)).toBe(canPunch(b, a));
  });

  it('is never hindered by a NAT that lets more in', () => {
    for (const [a, b] of pairs) {
      if (!canPunch(a, b)) continue;
      expect(canPunch({ ...a, filtering: independent }, b)).toBe(true);
    }
  });

  // The packets, by hand: a1 stands for the address that A has towards B, a0 for the one towards the STUN server.
  it.each<[string, NatBehavior, NatBehavior, boolean]>([
    // a goes to b0 and gets in, the answer leaves from b1 and is dropped at a.
    [
      'answers come from elsewhere',
      { mapping: addressDependent, filtering: independent },
      { mapping: independent, filtering: strict },
      false,
    ],
    // b1 goes to a0 and gets in, a1 goes to b1 and gets in, the answer leaves from b1.
    [
      'the second check gets through',
      { mapping: addressDependent, filtering: independent },
      { mapping: addressDependent, filtering: addressDependent },
      true,
    ],
    [
      'both let everybody in',
      { mapping: addressDependent, filtering: independent },
      { mapping: addressDependent, filtering: independent },
      true,
    ],
    // Each answer leaves from another mapping again.
    [
      'each answer has a new mapping',
      { mapping: strict, filtering: independent },
      { mapping: strict, filtering: independent },
      false,
    ],
  ])('with a mapping that depends on the peer and a filtering that does not: %s', (_why, a, b, expected) => {
    expect(canPunch(a, b)).toBe(expected);
  });

  describe('where unsolicited packets take the port', () => {
    const losing: NatBehavior = { mapping: independent, filtering: strict, unsolicitedTakesPort: true };

    it.each<[string, NatBehavior, ReturnType<typeof punch>]>([
      ['a full cone', { mapping: independent, filtering: independent }, 'always'],
      ['a restricted cone', { mapping: independent, filtering: addressDependent }, 'always'],
      ['a port-restricted cone', { mapping: independent, filtering: strict }, 'by-chance'],
      ['another such NAT', losing, 'never'],
      ['a symmetric NAT', { mapping: strict, filtering: strict }, 'never'],
    ])('towards %s', (_name, other, expected) => {
      expect(punch(losing, other)).toBe(expected);
      expect(punch(other, losing)).toBe(expected);
    });

    it('makes nothing better', () => {
      for (const [a, b] of pairs)
        if (canPunch({ ...a, unsolicitedTakesPort: true }, b)) expect(canPunch(a, b)).toBe(true);
    });
  });

  it('is never left to chance otherwise', () => {
    for (const [a, b] of pairs) expect(punch(a, b)).toBe(canPunch(a, b) ? 'always' : 'never');
  });

  it('needs the one address that was told where a NAT has several of them', () => {
    const restricted = { mapping: independent, filtering: addressDependent };
    const symmetric = { mapping: strict, filtering: strict };
    expect(canPunch(restricted, symmetric)).toBe(true);
    expect(canPunch(restricted, { ...symmetric, pooled: true })).toBe(false);
    expect(canPunch({ ...restricted, pooled: true }, restricted)).toBe(true);
  });
});
