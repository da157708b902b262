import { describe, expect, it } from 'vitest';
import { addressDependent, everyBehavior, found, independent, strict } from '../../../test/nat/sample-diagnoses.ts';
import type { Behavior, ClassicName } from '../behavior.ts';
import { unknown } from '../finding.ts';
import { classicName } from './classify.ts';

const name = (translated: boolean | undefined, mapping: Behavior | undefined, filtering: Behavior | undefined) =>
  classicName({
    translated: translated === undefined ? unknown('x') : found(translated),
    mapping: mapping === undefined ? unknown('x') : found(mapping),
    filtering: filtering === undefined ? unknown('x') : found(filtering),
  });

describe('the name of RFC 3489', () => {
  const named: [boolean, Behavior, Behavior, ClassicName][] = [
    [false, independent, independent, 'open internet'],
    [false, independent, strict, 'symmetric firewall'],
    [true, independent, independent, 'full cone'],
    [true, independent, addressDependent, 'restricted cone'],
    [true, independent, strict, 'port-restricted cone'],
    [true, strict, strict, 'symmetric'],
  ];

  it.each(named)('with a NAT: %s, mapping %s, filtering %s is %s', (translated, mapping, filtering, expected) => {
    expect(name(translated, mapping, filtering)).toBe(expected);
  });

  it('is none for all other combinations', () => {
    const others = [true, false].flatMap((translated) =>
      everyBehavior.flatMap((mapping) =>
        everyBehavior.flatMap((filtering) => {
          const hasName = named.some(([t, m, f]) => t === translated && m === mapping && f === filtering);
          return hasName ? [] : [name(translated, mapping, filtering)];
        }),
      ),
    );
    expect(others).toHaveLength(12);
    expect(new Set(others)).toEqual(new Set([null]));
  });

  it('is none where something is not known', () => {
    expect(name(undefined, independent, independent)).toBeNull();
    expect(name(true, undefined, independent)).toBeNull();
    expect(name(true, independent, undefined)).toBeNull();
    expect(name(false, independent, undefined)).toBeNull();
  });

  it('without a NAT needs no mapping', () => {
    expect(name(false, undefined, strict)).toBe('symmetric firewall');
  });
});
