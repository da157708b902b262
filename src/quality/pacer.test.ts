import { describe, expect, it } from 'vitest';
import { Pacer } from './pacer.ts';

/** How many packets of 1,000 bytes are sent when the sender wakes up at these times. */
function sendAt(timesMs: readonly number[], bitsPerSecond: number): number[] {
  const pacer = new Pacer(0);
  return timesMs.map((nowMs) => {
    let count = 0;
    for (; pacer.isDue(nowMs); count++) pacer.sent(nowMs, 1000, bitsPerSecond);
    return count;
  });
}

describe('a pacer', () => {
  it('sends evenly', () => {
    // 1 Mbit/s are a packet every 8 ms.
    expect(sendAt([0, 4, 8, 12, 16, 24, 32], 1_000_000)).toEqual([1, 0, 1, 0, 1, 1, 1]);
  });

  it('keeps to the rate with timers that are late', () => {
    const times = Array.from({ length: 1000 }, (_, i) => i * 3 + (i % 3));
    const sent = sendAt(times, 10_000_000).reduce((sum, count) => sum + count, 0);
    expect(Math.abs(sent - 3000 / 0.8)).toBeLessThanOrEqual(3);
  });

  it('does not make up for a long silence with a burst', () => {
    const [, , afterStall] = sendAt([0, 0.8, 500], 10_000_000);
    expect(afterStall).toBeLessThanOrEqual(10 / 0.8 + 1);
  });

  it('says how long it is until the next packet', () => {
    const pacer = new Pacer(100);
    pacer.sent(100, 1000, 1_000_000);
    expect(pacer.wait(101)).toBe(7);
    expect(pacer.wait(200)).toBe(0);
  });
});
