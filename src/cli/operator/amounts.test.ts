import { describe, expect, it } from 'vitest';
import { counted, formatAge, formatBytes } from './amounts.ts';

describe('an amount', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [12_345_678, '12.3 MB'],
    [9.9e15, '9.9 PB'],
    [9e18, '9000.0 PB'],
  ])('of %d bytes is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [-3, '0s'],
    [59.9, '59s'],
    [60, '1m'],
    [3599, '59m'],
    [3600, '1h'],
    [11_100, '3h 5m'],
    [86_400, '1d'],
    [187_200, '2d 4h'],
  ])('of %d seconds is %s', (seconds, text) => {
    expect(formatAge(seconds)).toBe(text);
  });

  it('of things has its word', () => {
    expect([0, 1, 2, 12_345].map((count) => counted(count, 'key'))).toEqual([
      '0 keys',
      'one key',
      '2 keys',
      '12,345 keys',
    ]);
  });
});
