import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nonceFeatures, noncePrefix } from './nonce-cookie.ts';

it.each([
  [{ passwordAlgorithms: false, usernameAnonymity: false }, 'obMatJos2AAAA'],
  [{ passwordAlgorithms: true, usernameAnonymity: false }, 'obMatJos2gAAA'],
  [{ passwordAlgorithms: false, usernameAnonymity: true }, 'obMatJos2QAAA'],
  [{ passwordAlgorithms: true, usernameAnonymity: true }, 'obMatJos2wAAA'],
])('%j is the cookie %s', (features, prefix) => {
  expect(noncePrefix(features)).toBe(prefix);
  expect(nonceFeatures(`${prefix}and the rest`)).toEqual(features);
});

it.each(['', 'obMatJos2', 'obMatJos2AAA', 'obmatjos2AAAA', 'obMatJos2A-AA', 'f//499k954d6OL34oL9FSTvy64sA'])(
  'finds no features in %j',
  (nonce) => {
    expect(nonceFeatures(nonce)).toBeUndefined();
  },
);

it('reads the features of any nonce without throwing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (rest) => {
      nonceFeatures(rest);
      nonceFeatures(`obMatJos2${rest}`);
    }),
  );
});
