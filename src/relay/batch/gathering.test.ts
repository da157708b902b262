import { describe, expect, it } from 'vitest';
import { Gathering } from './gathering.ts';

/** The pauses after `turns` turns of so many packets, each so many milliseconds after the one before. */
function pauses(packets: number, everyMs: number, turns = 200): number[] {
  const gathering = new Gathering(0);
  return Array.from({ length: turns }, (_, i) => gathering.pause(packets, (i + 1) * everyMs));
}

describe('packets gather', () => {
  it('never while there is little to do', () => {
    expect(pauses(1, 1).every((pause) => pause === 0)).toBe(true);
    expect(pauses(3, 1).every((pause) => pause === 0)).toBe(true);
  });

  it('for as long as some dozens take to come, and never for long', () => {
    expect(pauses(1, 0.1).at(-1)).toBe(500);
    expect(pauses(10, 0.1).at(-1)).toBeCloseTo(240, -1);
    expect(Math.max(...pauses(40, 0.05))).toBeLessThanOrEqual(500);
  });

  it('not when plenty have come already, nor after a turn without any', () => {
    expect(pauses(64, 0.5).at(-1)).toBe(0);
    expect(pauses(0, 0.1).at(-1)).toBe(0);
  });

  it('no more once a burst is over', () => {
    const gathering = new Gathering(0);
    for (let i = 1; i <= 100; i++) gathering.pause(10, i * 0.3);
    expect(gathering.pause(1, 130)).toBe(0);
  });
});
