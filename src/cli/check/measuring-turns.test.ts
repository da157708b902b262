import { describe, expect, it } from 'vitest';
import { MeasuringTurns } from './measuring-turns.ts';

/** Runs what promises have in store. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('checks that measure', () => {
  it('wait for those that still climb, and go in order, one at a time', async () => {
    const turns = new MeasuringTurns(4);
    const log: string[] = [];
    const measure = (place: number) =>
      turns.take(place, async () => {
        log.push(`begin ${place}`);
        await settle();
        log.push(`end ${place}`);
      });
    const measured = [measure(2), measure(0)];
    await settle();
    expect(log).toEqual([]);
    turns.pass();
    await settle();
    expect(log).toEqual([]);
    measured.push(measure(1));
    await Promise.all(measured);
    expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2']);
  });

  it('let the next one when one fails', async () => {
    const turns = new MeasuringTurns(2);
    const failing = turns.take(0, () => Promise.reject(new Error('a bug')));
    let measured = false;
    const next = turns.take(1, async () => {
      measured = true;
    });
    await expect(failing).rejects.toThrow('a bug');
    await next;
    expect(measured).toBe(true);
  });
});
