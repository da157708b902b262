import { describe, expect, it } from 'vitest';
import { point, wrap } from './wrapped-text.ts';

describe('wrapped text', () => {
  it('breaks at spaces, and nowhere else', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('a 2001:db8:0:0:0:0:0:1 b', 8)).toEqual(['a', '2001:db8:0:0:0:0:0:1', 'b']);
    expect(wrap('', 8)).toEqual(['']);
  });

  it('counts characters', () => {
    expect(wrap('😀😀 😀', 4)).toEqual(['😀😀 😀']);
  });

  it('puts further lines of a point below its text', () => {
    expect(point('one two three', 11)).toEqual(['  - one two', '    three']);
  });
});
