import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VirtualClock } from '../../../test/client/virtual-clock.ts';
import { IpAddress } from '../../stun/ip-address.ts';
import { Pacing, TRANSACTIONS_PER_SECOND } from './pacing.ts';

const a = IpAddress.parse('192.0.2.1')!;
const b = IpAddress.parse('192.0.2.2')!;

function bench() {
  const clock = new VirtualClock();
  const pacing = new Pacing(clock, (ms) => new Promise((resolve) => clock.schedule(ms, resolve)));
  return { clock, pacing };
}

it('lets the first go at once', async () => {
  const { clock, pacing } = bench();
  await Promise.all([pacing.turn(a), pacing.turn(b)]);
  expect(clock.now()).toBe(0);
});

it('never lets more go within a second than it may, however they come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 60 }), async (waits) => {
      const { clock, pacing } = bench();
      const times: number[] = [];
      const turns: Promise<unknown>[] = [];
      for (const wait of waits) {
        await clock.advance(wait);
        turns.push(pacing.turn(a).then(() => times.push(clock.now())));
      }
      await clock.until(Promise.all(turns));
      for (const start of times) {
        const within = times.filter((time) => time >= start && time < start + 1000);
        expect(within.length).toBeLessThanOrEqual(TRANSACTIONS_PER_SECOND);
      }
    }),
    { numRuns: 20 },
  );
});

it('counts both addresses of a server as one', async () => {
  const { clock, pacing } = bench();
  pacing.join(a, b);
  await clock.until(Promise.all([pacing.turn(a), pacing.turn(b)]));
  expect(clock.now()).toBe(50);
});
