import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BandwidthEstimator } from '../../src/quality/estimator/bandwidth-estimator.ts';
import { SeededRandom } from '../virtual-network/seeded-random.ts';
import { Policer, QueuedLink } from './bottleneck.ts';
import { measure } from './path-run.ts';

const step = fc.oneof(
  fc.record({ kind: fc.constant('plan' as const), afterMs: fc.integer({ min: -50, max: 500 }) }),
  fc.record({
    kind: fc.constant('sent' as const),
    sequence: fc.integer({ min: 0, max: 300 }),
    bytes: fc.integer({ min: 0, max: 65_535 }),
    cluster: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('received' as const),
    sequence: fc.integer({ min: 0, max: 300 }),
    afterMs: fc.integer({ min: -200, max: 200 }),
  }),
);

it('whatever it is told, in whatever order, the estimate and the plans are numbers within bounds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1, max: 1e9 }), (steps, maxBitsPerSecond) => {
      const estimator = new BandwidthEstimator({ maxBitsPerSecond });
      let nowMs = 1000;
      for (const told of steps) {
        if (told.kind === 'sent') estimator.sent({ ...told, sentAtMs: nowMs });
        else if (told.kind === 'received') estimator.received(told.sequence, nowMs + told.afterMs);
        else {
          nowMs += told.afterMs;
          const plan = estimator.plan(nowMs);
          if (plan.kind !== 'done') expectBetween(plan.bitsPerSecond, maxBitsPerSecond);
        }
        expectBetween(estimator.estimate.bitsPerSecond, maxBitsPerSecond);
      }
    }),
  );
});

it('on any path it comes to an end with a number within bounds', () => {
  fc.assert(
    fc.property(
      fc.record({
        rate: fc.integer({ min: 20_000, max: 50_000_000 }),
        policed: fc.boolean(),
        burstBytes: fc.integer({ min: 1500, max: 200_000 }),
        longestWaitMs: fc.integer({ min: 1, max: 3000 }),
        delayMs: fc.integer({ min: 0, max: 1000 }),
        jitterMs: fc.integer({ min: 0, max: 100 }),
        loss: fc.double({ min: 0, max: 1, noNaN: true }),
        seed: fc.integer(),
        maxBitsPerSecond: fc.integer({ min: 10_000, max: 20_000_000 }),
      }),
      ({ rate, policed, burstBytes, longestWaitMs, delayMs, jitterMs, loss, seed, maxBitsPerSecond }) => {
        const bottleneck = policed
          ? new Policer(rate, burstBytes)
          : new QueuedLink({ rate, longestWaitMs, burstBytes });
        const estimator = new BandwidthEstimator({ maxBitsPerSecond, durationMs: 3000 });
        const path = { bottleneck, delayMs, jitterMs, loss: () => loss };
        const run = measure(estimator, path, { random: new SeededRandom(seed) });
        expectBetween(estimator.estimate.bitsPerSecond, maxBitsPerSecond);
        expect(run.highestBitsPerSecond).toBeLessThanOrEqual(maxBitsPerSecond);
      },
    ),
    { numRuns: 60 },
  );
});

/** One that is not a number is between nothing. */
function expectBetween(bitsPerSecond: number, highest: number): void {
  if (!(bitsPerSecond >= 0 && bitsPerSecond <= highest)) expect.fail(`${bitsPerSecond} bit/s of at most ${highest}`);
}
