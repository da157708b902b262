import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadline, DeadlineQueue } from './deadline-queue.ts';
import { instant } from './time.ts';

const operation = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), which: fc.nat(30), at: fc.nat(100) }),
  fc.record({ kind: fc.constant('clear' as const), which: fc.nat(30), at: fc.constant(0) }),
  fc.record({ kind: fc.constant('take' as const), which: fc.constant(0), at: fc.nat(100) }),
);

describe('DeadlineQueue', () => {
  it('does what a sorted list does', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
        const queue = new DeadlineQueue();
        const deadlines = Array.from({ length: 31 }, (_, i) => new Deadline('permission', i));
        const model = new Map<number, number>();
        for (const { kind, which, at } of operations) {
          const earliest = Math.min(Number.POSITIVE_INFINITY, ...model.values());
          if (kind === 'set') {
            queue.set(deadlines[which]!, instant(at));
            model.set(which, at);
          } else if (kind === 'clear') {
            queue.clear(deadlines[which]!);
            model.delete(which);
          } else {
            const due = queue.takeDue(instant(at));
            if (earliest > at) expect(due).toBeUndefined();
            else {
              expect(model.get(due!.owner as number)).toBe(earliest);
              model.delete(due!.owner as number);
            }
          }
          expect(queue.size).toBe(model.size);
          expect(queue.next).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.values()));
        }
      }),
    );
  });

  it('is due at its moment, not before', () => {
    const queue = new DeadlineQueue();
    queue.set(new Deadline('channel', 'x'), instant(10));
    expect(queue.takeDue(instant(9.999))).toBeUndefined();
    expect(queue.takeDue(instant(10))?.owner).toBe('x');
    expect(queue.next).toBe(Number.POSITIVE_INFINITY);
  });
});
