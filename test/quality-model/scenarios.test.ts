import { describe, expect, it } from 'vitest';
import { BandwidthEstimator } from '../../src/quality/estimator/bandwidth-estimator.ts';
import type { Bandwidth } from '../../src/quality/report.ts';
import { SeededRandom } from '../virtual-network/seeded-random.ts';
import { Gate, Policer, QueuedLink, type QueueOptions } from './bottleneck.ts';
import { ConstantFlow, WindowFlow } from './cross-traffic.ts';
import { measure, type Path, START_MS } from './path-run.ts';

const MEGABIT = 1e6;
const SEEDS = [1, 2, 3, 4, 5];
const MAX = 30 * MEGABIT;

/** What every seed finds on a path. The path is made anew for each. */
function estimates(path: () => Path, maxBitsPerSecond = MAX): Bandwidth[] {
  return SEEDS.map((seed) => {
    const estimator = new BandwidthEstimator({ maxBitsPerSecond });
    measure(estimator, path(), { random: new SeededRandom(seed) });
    return estimator.estimate;
  });
}

/** The estimates as parts of the truth, lowest and highest. */
function parts(found: readonly Bandwidth[], truth: number): { readonly lowest: number; readonly highest: number } {
  const ratios = found.map(({ bitsPerSecond }) => bitsPerSecond / truth);
  return { lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}

function expectWithin(found: readonly Bandwidth[], truth: number, tolerance = 0.2): void {
  const { lowest, highest } = parts(found, truth);
  expect(lowest).toBeGreaterThan(1 - tolerance);
  expect(highest).toBeLessThan(1 + tolerance);
}

function link(megabits: number, options: Partial<QueueOptions> = {}): QueuedLink {
  return new QueuedLink({ rate: megabits * MEGABIT, longestWaitMs: 400, burstBytes: 15_000, ...options });
}

const RATES = [0.3, 1, 2.5, 5, 20];

describe('a bottleneck with a queue', () => {
  describe.each(RATES)('of %d Mbit/s', (rate) => {
    it.each([1, 40, 150, 300])('behind %d ms', (delayMs) => {
      const found = estimates(() => ({ bottleneck: link(rate), delayMs }));
      expectWithin(found, rate * MEGABIT, 0.1);
      expect(found.every(({ limitedBy }) => limitedBy === 'delay' || limitedBy === 'loss')).toBe(true);
    });

    it.each([0, 32_000, 100_000])('whose token bucket lets %d bytes through unhindered', (burstBytes) => {
      expectWithin(
        estimates(() => ({ bottleneck: link(rate, { burstBytes }), delayMs: 20 })),
        rate * MEGABIT,
      );
    });

    it.each([20, 50, 2000])('that lets nothing wait for more than %d ms', (longestWaitMs) => {
      expectWithin(
        estimates(() => ({ bottleneck: link(rate, { longestWaitMs }), delayMs: 20 })),
        rate * MEGABIT,
      );
    });

    it('with jitter of 5 ms each way', () => {
      expectWithin(
        estimates(() => ({ bottleneck: link(rate), delayMs: 20, jitterMs: 5 })),
        rate * MEGABIT,
      );
    });

    it.each([0.02, 0.05, 0.12])('and %d of all packets lost at random before it', (loss) => {
      expectWithin(
        estimates(() => ({ bottleneck: link(rate), delayMs: 20, loss: () => loss })),
        rate * MEGABIT,
      );
    });
  });
});

describe('a policer, which drops and never queues', () => {
  it.each(RATES)('of %d Mbit/s', (rate) => {
    const found = estimates(() => ({ bottleneck: new Policer(rate * MEGABIT, 20_000), delayMs: 20 }));
    expectWithin(found, rate * MEGABIT);
    expect(found.every(({ limitedBy }) => limitedBy === 'loss')).toBe(true);
  });
});

describe('a limit by the period, as servers have it,', () => {
  const gates = [1000, 500, 333, 200, 100].flatMap((periodMs) => [0.5, 2, 5].map((rate) => [periodMs, rate] as const));

  describe.each(gates)('that lets through in %d ms what %d Mbit/s are,', (periodMs, rate) => {
    it.each([
      { beyond: 'drops', longestWaitMs: 0, delayMs: 1 },
      { beyond: 'drops', longestWaitMs: 0, delayMs: 60 },
      { beyond: 'keeps', longestWaitMs: 2 * periodMs, delayMs: 1 },
      { beyond: 'keeps', longestWaitMs: 2 * periodMs, delayMs: 60 },
    ])('and $beyond the rest, $delayMs ms away', ({ longestWaitMs, delayMs }) => {
      let phase = 0;
      const found = estimates(() => {
        const phaseMs = (periodMs * phase++) / SEEDS.length;
        return { bottleneck: new Gate({ rate: rate * MEGABIT, periodMs, longestWaitMs, phaseMs }), delayMs };
      });
      expectWithin(found, rate * MEGABIT);
    });
  });

  it('is measured beside loss that is not congestion', () => {
    const loss = () => 0.03;
    const gate = () => new Gate({ rate: 2 * MEGABIT, periodMs: 1000 });
    expectWithin(
      estimates(() => ({ bottleneck: gate(), delayMs: 20, loss })),
      2 * MEGABIT,
    );
  });

  it('leaves the stream that follows a whole allowance: the measurement ends as the path opens', () => {
    const phaseMs = 350;
    const estimator = new BandwidthEstimator({ maxBitsPerSecond: MAX });
    const bottleneck = new Gate({ rate: 2 * MEGABIT, periodMs: 1000, phaseMs });
    const run = measure(estimator, { bottleneck, delayMs: 5 }, { random: new SeededRandom(1) });
    expect((START_MS + run.durationMs - phaseMs) % 1000).toBeLessThan(100);
  });
});

describe('other flows through the bottleneck', () => {
  it.each([
    { all: 5, other: 2, delayMs: 5 },
    { all: 5, other: 2, delayMs: 100 },
    { all: 20, other: 15, delayMs: 20 },
    { all: 1, other: 0.7, delayMs: 5 },
  ])('one that always sends $other of $all Mbit/s leaves the rest', ({ all, other, delayMs }) => {
    const crossTraffic = () => [new ConstantFlow(other * MEGABIT)];
    const found = estimates(() => ({ bottleneck: link(all), delayMs, crossTraffic: crossTraffic() }));
    expectWithin(found, (all - other) * MEGABIT);
  });

  it('one that begins in the middle leaves the rest from then on', () => {
    const crossTraffic = () => [new ConstantFlow(2 * MEGABIT, START_MS + 2000)];
    expectWithin(
      estimates(() => ({ bottleneck: link(5), delayMs: 20, crossTraffic: crossTraffic() })),
      3 * MEGABIT,
    );
  });

  // What such a flow leaves depends on who gives way first: the estimate is what came without filling the queue any further.
  it.each([5, 100])('one that fills the queue, as TCP does, leaves something, %d ms away', (delayMs) => {
    const crossTraffic = () => [new WindowFlow(2 * delayMs)];
    const found = estimates(() => ({
      bottleneck: link(5, { longestWaitMs: 100 }),
      delayMs,
      crossTraffic: crossTraffic(),
    }));
    const { lowest, highest } = parts(found, 5 * MEGABIT);
    expect(lowest).toBeGreaterThan(0.05);
    expect(highest).toBeLessThan(1.02);
  });
});

describe('a path that changes', () => {
  /** Megabits at a number of milliseconds since the start. */
  function changing(megabits: (atMs: number) => number, delayMs: number): Path {
    return { bottleneck: link(0, { rate: (atMs) => megabits(atMs - START_MS) * MEGABIT }), delayMs };
  }

  it.each([5, 100])('steps down in the middle, %d ms away', (delayMs) => {
    expectWithin(
      estimates(() => changing((atMs) => (atMs < 2000 ? 10 : 3), delayMs)),
      3 * MEGABIT,
    );
  });

  it.each([5, 100])('steps up in the middle, %d ms away', (delayMs) => {
    expectWithin(
      estimates(() => changing((atMs) => (atMs < 2000 ? 2 : 8), delayMs)),
      8 * MEGABIT,
    );
  });

  it.each([5, 100])('gets slower and slower, %d ms away', (delayMs) => {
    expectWithin(
      estimates(() => changing((atMs) => Math.max(3, 8 - Math.max(0, atMs - 1000) / 500), delayMs)),
      3.2 * MEGABIT,
    );
  });

  it.each([5, 100])('gets faster and faster, %d ms away', (delayMs) => {
    expectWithin(
      estimates(() => changing((atMs) => Math.min(6, 2 + Math.max(0, atMs - 1000) / 625), delayMs)),
      5.5 * MEGABIT,
    );
  });
});

describe('a path with troubles that are not congestion', () => {
  it('bursts of loss, 60 ms in every 900', () => {
    const loss = (atMs: number) => (atMs % 900 < 60 ? 0.9 : 0);
    expectWithin(
      estimates(() => ({ bottleneck: link(5), delayMs: 20, loss })),
      5 * MEGABIT,
    );
  });

  it.each([60, 150])('a receiver that is held up for %d ms twice a second', (lengthMs) => {
    const stalls = [200, 700, 1200, 1700, 2200, 2700, 3200, 3700].map((atMs) => ({
      fromMs: START_MS + atMs,
      toMs: START_MS + atMs + lengthMs,
    }));
    expectWithin(
      estimates(() => ({ bottleneck: link(5), delayMs: 20, stalls })),
      5 * MEGABIT,
    );
  });
});

describe('a machine that stands still once, sender, relay and all, is not a slower path:', () => {
  it.each(
    [3000, 3100, 3200, 3300, 3400, 3500].flatMap((atMs) => [80, 150].map((lengthMs) => [lengthMs, atMs] as const)),
  )('%d ms, %d ms after the start', (lengthMs, atMs) => {
    const stalls = [{ fromMs: START_MS + atMs, toMs: START_MS + atMs + lengthMs }];
    expectWithin(
      estimates(() => ({ bottleneck: link(5), delayMs: 1, stalls, senderStalls: true })),
      5 * MEGABIT,
    );
  });
});

describe('a path that carries all that is asked', () => {
  it.each([1, 100])('%d ms away', (delayMs) => {
    const found = estimates(() => ({ bottleneck: link(1000), delayMs }), 10 * MEGABIT);
    expectWithin(found, 10 * MEGABIT, 0.05);
    expect(found.every(({ limitedBy }) => limitedBy === 'asked')).toBe(true);
  });

  it('and loses 5 % and shakes', () => {
    const path = () => ({ bottleneck: link(1000), delayMs: 20, jitterMs: 5, loss: () => 0.05 });
    const found = estimates(path, 10 * MEGABIT);
    expectWithin(found, 9.5 * MEGABIT);
  });

  it('never gets more than is allowed', () => {
    const estimator = new BandwidthEstimator({ maxBitsPerSecond: 500_000 });
    const run = measure(estimator, { bottleneck: link(1000), delayMs: 5 }, { random: new SeededRandom(1) });
    expect(run.highestBitsPerSecond).toBeLessThanOrEqual(500_000);
    expect((run.sentBytes * 8000) / run.durationMs).toBeLessThan(520_000);
  });
});

describe('a dead path', () => {
  it('has no bandwidth, and little is sent into it', () => {
    const estimator = new BandwidthEstimator({ maxBitsPerSecond: MAX });
    const run = measure(estimator, { bottleneck: link(5), delayMs: 5, loss: () => 1 }, { random: new SeededRandom(1) });
    expect(estimator.estimate).toEqual({ bitsPerSecond: 0, limitedBy: 'loss' });
    expect(run.sentBytes).toBeLessThan(200_000);
  });

  it('that was alive at first is found to be slow', () => {
    const loss = (atMs: number) => (atMs < START_MS + 2000 ? 0 : 1);
    const found = estimates(() => ({ bottleneck: link(5), delayMs: 5, loss }));
    expect(parts(found, 5 * MEGABIT).highest).toBeLessThan(0.2);
  });
});

it('takes as long as it was given', () => {
  const estimator = new BandwidthEstimator({ maxBitsPerSecond: MAX, durationMs: 2500 });
  const run = measure(estimator, { bottleneck: link(5), delayMs: 20 }, { random: new SeededRandom(1) });
  expect(Math.round(run.durationMs / 10)).toBe(250);
  expectWithin([estimator.estimate], 5 * MEGABIT);
});
