import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  parseBitsPerSecond,
  parseByteSize,
  parseDurationMilliseconds,
  parsePercentage,
} from './quantity.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['1.5h', 5_400_000],
    ['1.1', 1100],
    [90, 90_000],
    [0.001, 1],
  ])('%j is %d ms', (written, expected) => {
    expect(parseDurationMilliseconds(written)).toBe(expected);
  });

  it.each(['', '1w', '1h30m', '-1s', '1e3', 'h', '0.0001ms', null, true, Number.NaN, -1])('%j is none', (written) => {
    expect(parseDurationMilliseconds(written)).toBeUndefined();
  });

  it('are written so that they read back as the same', () => {
    fc.assert(fc.property(fc.nat(), (ms) => parseDurationMilliseconds(formatDuration(ms)) === ms));
    expect(formatDuration(5_400_000)).toBe('90m');
  });
});

describe('sizes', () => {
  it.each([
    [1500, 1500],
    ['1500', 1500],
    ['10kB', 10_000],
    ['10KB', 10_000],
    ['12.5MB', 12_500_000],
    ['1GB', 1_000_000_000],
    ['1KiB', 1024],
    ['2 MiB', 2_097_152],
  ])('%j is %d bytes', (written, expected) => {
    expect(parseByteSize(written)).toBe(expected);
  });

  it.each(['', '10Mbit', '1.5', '1kk', 'MB', -1, 1.5, null])('%j is none', (written) => {
    expect(parseByteSize(written)).toBeUndefined();
  });
});

describe('bit rates', () => {
  it.each([
    ['500kbps', 500_000],
    ['2Mbps', 2_000_000],
    ['2mbps', 2_000_000],
    ['2.5 Mbit/s', 2_500_000],
    ['1Gbit/s', 1_000_000_000],
    ['64000bps', 64_000],
  ])('%j is %d bits a second', (written, expected) => {
    expect(parseBitsPerSecond(written)).toBe(expected);
  });

  it.each(['', '2', '2MBps', '2MB/s', '2M', '-1kbps', '1e3bps', 'Mbps'])('%j is none', (written) => {
    expect(parseBitsPerSecond(written)).toBeUndefined();
  });
});

describe('percentages', () => {
  it.each([
    ['1%', 0.01],
    ['0.5 %', 0.005],
    ['0%', 0],
    ['100%', 1],
  ])('%j is %d', (written, expected) => {
    expect(parsePercentage(written)).toBe(expected);
  });

  it.each(['', '1', '0.01', '101%', '-1%', '1 percent', '%'])('%j is none', (written) => {
    expect(parsePercentage(written)).toBeUndefined();
  });
});
