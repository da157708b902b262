import { describe, expect, it } from 'vitest';
import { systemRandom } from './system-random.ts';

describe('random bytes', () => {
  it('are never the same twice, however many are asked for', () => {
    const seen = new Set(Array.from({ length: 5000 }, () => systemRandom.bytes(8).toString('hex')));
    expect(seen.size).toBe(5000);
    for (const length of [0, 1, 4095, 4096, 4097, 100_000]) expect(systemRandom.bytes(length)).toHaveLength(length);
    expect(systemRandom.bytes(5000).subarray(4990).equals(Buffer.alloc(10))).toBe(false);
  });

  it('stay what they are when more are asked for', () => {
    const bytes = systemRandom.bytes(16);
    const before = bytes.toString('hex');
    for (let i = 0; i < 1000; i++) systemRandom.bytes(16);
    expect(bytes.toString('hex')).toBe(before);
  });
});
