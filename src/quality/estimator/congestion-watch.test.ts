import { describe, expect, it } from 'vitest';
import { CongestionWatch } from './congestion-watch.ts';

/** Packets sent every 2 ms until a time, each with the delay that it has then. */
function watching(untilMs: number, delayMs: (sentAtMs: number) => number): CongestionWatch {
  const watch = new CongestionWatch();
  for (let sentAtMs = 0; sentAtMs < untilMs; sentAtMs += 2) watch.received(sentAtMs, sentAtMs + delayMs(sentAtMs));
  return watch;
}

const growing = (sentAtMs: number) => 20 + Math.max(0, sentAtMs - 500) / 5;
/** A queue as above, which becomes shorter from 1000 ms on. */
const passing = (sentAtMs: number) => Math.max(20, sentAtMs < 1000 ? growing(sentAtMs) : 120 - (sentAtMs - 1000) / 2);

describe('the watch over the delay', () => {
  it('sees nothing on an empty path', () => {
    const watch = watching(1000, () => 20);
    expect(watch.congestedSinceMs).toBeUndefined();
    expect(watch.isEmpty).toBe(true);
    expect(watch.usualDelayMs).toBeCloseTo(20);
  });

  it('sees a queue that grows, and since when', () => {
    const watch = watching(800, growing);
    expect(watch.congestedSinceMs).toBeGreaterThan(500);
    expect(watch.congestedSinceMs).toBeLessThan(620);
    expect(watch.queueMs).toBeGreaterThan(40);
  });

  it('sees a queue go', () => {
    expect(watching(1150, passing).isEmpty).toBe(false);
    expect(watching(1400, passing).isEmpty).toBe(true);
  });

  it('sees a long queue that no longer grows', () => {
    expect(watching(1000, (sentAtMs) => (sentAtMs < 100 ? 20 : 140)).congestedSinceMs).toBeDefined();
  });

  it('does not take a receiver that was held up once for a queue', () => {
    const watch = watching(600, (sentAtMs) => (sentAtMs > 400 && sentAtMs < 480 ? 20 + 480 - sentAtMs : 20));
    expect(watch.congestedSinceMs).toBeUndefined();
  });

  it('sees that nothing comes any more', () => {
    const watch = watching(600, () => 20);
    watch.waiting(60);
    expect(watch.congestedSinceMs).toBeUndefined();
    watch.waiting(200);
    expect(watch.congestedSinceMs).toBeDefined();
    expect(watch.isEmpty).toBe(false);
    expect(watch.queueMs).toBeCloseTo(180);
  });

  it('takes the delay of a moment for the usual one where it is told so', () => {
    const watch = watching(1000, (sentAtMs) => (sentAtMs < 100 ? 20 : 140));
    watch.rebase();
    expect(watch.congestedSinceMs).toBeUndefined();
    expect(watch.isEmpty).toBe(true);
  });
});
