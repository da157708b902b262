import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../test/client/virtual-clock.ts';
import { watch } from './watch.ts';

describe('a watch', () => {
  function watched(roundMs: readonly number[]) {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const startedAt: number[] = [];
    let running = 0;
    const done = watch({ clock, intervalMs: 60_000, stop: stop.signal }, async () => {
      startedAt.push(clock.now());
      expect(++running).toBe(1);
      const took = roundMs[startedAt.length - 1] ?? 1000;
      await new Promise<void>((resolve) => void clock.schedule(took, resolve));
      running--;
    });
    return { clock, stop, startedAt, done };
  }

  it('begins at once, and then keeps to its interval', async () => {
    const { clock, startedAt, stop, done } = watched([5000, 300, 59_999]);
    await clock.advance(200_000);
    expect(startedAt).toEqual([0, 60_000, 120_000, 180_000]);
    stop.abort();
    await clock.until(done);
    expect(clock.armed).toBe(0);
  });

  it('never runs two rounds at once, and skips what it has missed', async () => {
    const { clock, startedAt, stop, done } = watched([130_000, 60_000]);
    await clock.advance(400_000);
    expect(startedAt).toEqual([0, 180_000, 300_000, 360_000]);
    stop.abort();
    await clock.until(done);
  });

  it('lets the round under way come to its end when it is stopped', async () => {
    const { clock, startedAt, stop, done } = watched([10_000]);
    await clock.advance(5000);
    stop.abort();
    await clock.until(done);
    expect(startedAt).toEqual([0]);
    expect(clock.now()).toBe(10_000);
    expect(clock.armed).toBe(0);
  });
});
