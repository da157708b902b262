import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from './fifo.ts';

describe('Fifo', () => {
  it('gives back what it was given, in the same order, as a list would', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('push', 'push', 'shift'), { maxLength: 500 }), (operations) => {
        const fifo = new Fifo<number>();
        const list: number[] = [];
        for (const [i, operation] of operations.entries()) {
          if (operation === 'push') {
            fifo.push(i);
            list.push(i);
          } else {
            expect(fifo.shift()).toBe(list.shift());
          }
          expect([fifo.length, fifo.first]).toEqual([list.length, list[0]]);
        }
      }),
    );
  });

  it('gives back all of what came in at once', () => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < 10_000; i++) fifo.push(i);
    for (let i = 0; i < 10_000; i++) expect(fifo.shift()).toBe(i);
    expect(fifo.shift()).toBeUndefined();
  });
});
