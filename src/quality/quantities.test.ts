import { expect, it } from 'vitest';
import { inBits, inMilliseconds, inPercent, inSeconds } from './quantities.ts';

it('says milliseconds as exactly as they matter', () => {
  expect([0.04, 1.24, 9.94, 9.96, 41.4, 1234].map(inMilliseconds)).toEqual([
    '0.0 ms',
    '1.2 ms',
    '9.9 ms',
    '10 ms',
    '41 ms',
    '1,234 ms',
  ]);
});

it('says seconds with a tenth', () => {
  expect([6240, 1000].map(inSeconds)).toEqual(['6.2 s', '1.0 s']);
});

it('says bit rates in the unit that suits them', () => {
  expect([0, 48_200, 99_400, 99_600, 150_000, 994_000, 996_000, 4_780_000, 99_600_000].map(inBits)).toEqual([
    '0 kbit/s',
    '48 kbit/s',
    '99 kbit/s',
    '0.10 Mbit/s',
    '0.15 Mbit/s',
    '0.99 Mbit/s',
    '1.0 Mbit/s',
    '4.8 Mbit/s',
    '100 Mbit/s',
  ]);
});

it('says percentages so that a little is not nothing, and nearly all is not all', () => {
  expect([0, 0.0001, 0.0005, 0.021, 0.9994, 0.9999, 1].map(inPercent)).toEqual([
    '0 %',
    'below 0.1 %',
    '0.1 %',
    '2.1 %',
    '99.9 %',
    '99.9 %',
    '100 %',
  ]);
});
