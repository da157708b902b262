import { describe, expect, it } from 'vitest';
import { SendSchedule, TICK_MICROSECONDS } from './send-schedule.ts';

const SECOND = 1e6;

describe('a send schedule', () => {
  it.each([1, 999, 1000, 30_000, 777_777])('has sent exactly %i packets after each second', (rate) => {
    const schedule = new SendSchedule(500, rate);
    let sent = 0;
    for (let second = 1; second <= 3; second++) {
      // Up to just before the first packet of the next second is due.
      const end = 500 + second * SECOND - 0.5 * (SECOND / rate);
      for (let now = 500 + (second - 1) * SECOND; now < end; now += TICK_MICROSECONDS) sent += schedule.take(now);
      while (schedule.wait(end) <= 0) sent += schedule.take(end);
      expect(sent).toBe(second * rate);
    }
  });

  it('sends nothing before the start', () => {
    const schedule = new SendSchedule(500, 1000);
    expect([schedule.take(499), schedule.wait(400), schedule.take(500)]).toEqual([0, 100, 1]);
  });

  it('makes up for a delay at no more than twice the rate', () => {
    const schedule = new SendSchedule(0, 30_000);
    const late = 100_000;
    const perTick: number[] = [];
    for (let tick = 0; tick < 1000; tick++) perTick.push(schedule.take(late + tick * TICK_MICROSECONDS));
    expect(Math.max(...perTick)).toBe(12);
    expect(perTick.reduce((sum, count) => sum + count)).toBe(Math.floor((late + 999 * TICK_MICROSECONDS) * 0.03) + 1);
  });

  it('says how long it is until the next packet', () => {
    const schedule = new SendSchedule(0, 1000);
    schedule.take(0);
    expect([schedule.wait(0), schedule.wait(400), schedule.wait(1000)]).toEqual([1000, 600, 0]);
  });

  it('always has something to send in a flood', () => {
    const schedule = new SendSchedule(0, undefined);
    expect(schedule.take(0)).toBeGreaterThan(1);
    expect(schedule.take(0)).toBeGreaterThan(1);
    expect(schedule.wait(1)).toBeLessThanOrEqual(0);
  });
});
