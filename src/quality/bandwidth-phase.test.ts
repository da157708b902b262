import { expect, it } from 'vitest';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { VirtualRelay, type VirtualRelayOptions } from '../../test/quality-lab/virtual-relay.ts';
import { SeededRandom } from '../../test/virtual-network/seeded-random.ts';
import { BandwidthPhase, type ProbingEstimator } from './bandwidth-phase.ts';
import type { SendPlan, SentPacket } from './estimator/bandwidth-estimator.ts';
import { ProbePath } from './probe-path.ts';

/** Gives out plans one after the other, each pace for so long, and notes what it is told. */
class ScriptedEstimator implements ProbingEstimator {
  readonly packets: SentPacket[] = [];
  readonly arrivals: { readonly sequence: number; readonly atMs: number }[] = [];
  readonly #plans: (readonly [SendPlan, ms: number])[];
  #untilMs = 0;

  constructor(...plans: (readonly [SendPlan, ms: number])[]) {
    this.#plans = plans;
  }

  plan(nowMs: number): SendPlan {
    const next = this.#plans[0];
    if (!next) return { kind: 'done' };
    const [plan, ms] = next;
    if (plan.kind === 'probe') this.#plans.shift();
    else if (this.#untilMs === 0) this.#untilMs = nowMs + ms;
    else if (nowMs >= this.#untilMs) {
      this.#untilMs = 0;
      this.#plans.shift();
      return this.plan(nowMs);
    }
    return plan;
  }

  sent(packet: SentPacket): void {
    this.packets.push(packet);
  }

  received(sequence: number, atMs: number): void {
    this.arrivals.push({ sequence, atMs });
  }
}

const probe = (cluster: number, mbps: number, packets: number) =>
  [{ kind: 'probe', cluster, bitsPerSecond: mbps * 1e6, packets }, 0] as const;
const pace = (mbps: number, ms: number) => [{ kind: 'pace', bitsPerSecond: mbps * 1e6 }, ms] as const;

async function run(options: VirtualRelayOptions, estimator: ScriptedEstimator, endAtMs = 4000, abortAtMs = 1e9) {
  const clock = new VirtualClock();
  const relay = new VirtualRelay(clock, options);
  const random = new SeededRandom(1);
  const path = new ProbePath(relay.near, relay.far, clock, (bytes) => random.bytes(bytes));
  const isAborted = () => clock.now() >= abortAtMs;
  const phase = new BandwidthPhase(path, estimator, { endAtMs, isAborted, onTick: () => {} });
  await clock.until(phase.run());
  return { clock, relay, phase, packets: estimator.packets, arrivals: estimator.arrivals };
}

it('sends a cluster evenly at its rate, and marks its packets', async () => {
  const { packets, arrivals, phase } = await run({ delayMs: 40 }, new ScriptedEstimator(probe(3, 0.96, 5)));
  expect(packets).toEqual(
    [0, 10, 20, 30, 40].map((sentAtMs, sequence) => ({ sequence, sentAtMs, bytes: 1200, cluster: 3 })),
  );
  expect(arrivals).toEqual(packets.map(({ sequence, sentAtMs }) => ({ sequence, atMs: sentAtMs + 40 })));
  expect(phase.longestMs).toBe(40);
});

it('keeps to the rate of a pace, whose packets are of no cluster', async () => {
  const { packets } = await run({ delayMs: 40 }, new ScriptedEstimator(probe(1, 0.96, 5), pace(9.6, 1000)));
  const paced = packets.slice(5);
  expect(paced.every(({ cluster }) => cluster === undefined)).toBe(true);
  expect(Math.abs(paced.length - 1000)).toBeLessThanOrEqual(12);
});

it('ends as soon as all has arrived', async () => {
  const { clock } = await run({ delayMs: 40 }, new ScriptedEstimator(pace(1, 500)));
  expect(clock.now()).toBeLessThan(600);
});

it('waits until the queue is empty', async () => {
  const { relay, clock, phase } = await run(
    { delayMs: 40, bitsPerSecond: 1e6, queueMs: 800 },
    new ScriptedEstimator(pace(3, 500)),
  );
  expect(phase.longestMs).toBeGreaterThan(700);
  const left = relay.fates.filter((lost) => !lost).length * 1200 * 8;
  expect(clock.now()).toBeGreaterThanOrEqual(left / 1000 + 40);
});

it('does not wait for lost packets for long', async () => {
  const { clock } = await run({ delayMs: 40, isLost: (n) => n % 3 === 0 }, new ScriptedEstimator(pace(1, 500)));
  expect(clock.now()).toBeLessThan(850);
});

it('is over at its end, even if the estimator goes on or the path is dead', async () => {
  const { clock, phase } = await run({ delayMs: 40, isLost: () => true }, new ScriptedEstimator(pace(1, 1e9)), 2000);
  expect(clock.now()).toBeGreaterThanOrEqual(2000);
  expect(clock.now()).toBeLessThanOrEqual(2010);
  expect(phase.longestMs).toBeUndefined();
});

it('ends at once when it is aborted', async () => {
  const { clock } = await run({ delayMs: 40 }, new ScriptedEstimator(probe(1, 0.01, 50)), 4000, 123);
  expect(clock.now()).toBeLessThanOrEqual(140);
});
