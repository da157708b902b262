import { describe, expect, it } from 'vitest';
import { clockFinding } from './clock.ts';

describe('the clock', () => {
  it('cannot be older than this program', () => {
    expect(clockFinding(1_800_000_000)).toMatchObject({
      level: 'ok',
      sentence: 'The clock says 2027-01-15 08:00 UTC.',
    });
    expect(clockFinding(42)).toMatchObject({
      level: 'problem',
      code: 'clock_wrong',
      sentence: expect.stringContaining('1970-01-01 00:00 UTC'),
    });
  });
});
