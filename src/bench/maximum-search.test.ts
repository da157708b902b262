import { describe, expect, it } from 'vitest';
import { MaximumSearch } from './maximum-search.ts';

/** Searches where everything up to `limit` passes, save the attempts (counted from 0) that have a hiccup. */
function search(limit: number, hiccups: readonly number[] = []) {
  const search = new MaximumSearch(20_000);
  let attempts = 0;
  for (let rate = search.next; rate !== undefined; rate = search.next) {
    search.tell(rate <= limit && !hiccups.includes(attempts));
    if (++attempts > 100) throw new Error('it does not end');
  }
  return { best: search.best, attempts };
}

describe('the search for the maximum', () => {
  it.each([50, 4000, 19_999, 20_000, 73_210, 1_000_000])('finds %i', (limit) => {
    const { best, attempts } = search(limit);
    expect(best).toBeLessThanOrEqual(limit * 1.001);
    expect(best).toBeGreaterThan(limit / 1.06);
    expect(attempts).toBeLessThan(40);
  });

  it('is not led astray by hiccups', () => {
    expect(search(73_210, [0, 1, 3, 4, 7]).best).toBeGreaterThan(73_210 / 1.06);
  });

  it('finds nothing where nothing passes', () => {
    expect(search(0).best).toBe(0);
  });
});
