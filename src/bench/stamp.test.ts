import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readStamp, STAMP_LENGTH, type Stamp, writeStamp } from './stamp.ts';

const uint32 = fc.nat(2 ** 32 - 1);

it('a stamp is read as it was written', () => {
  fc.assert(
    fc.property(
      uint32,
      uint32,
      uint32,
      fc.double({ min: 0, noNaN: true }),
      fc.nat(9),
      (run, lane, sequence, at, offset) => {
        const buffer = Buffer.alloc(offset + STAMP_LENGTH);
        writeStamp(buffer, offset, run, lane, sequence, at);
        const stamp: Stamp = { run: 0, lane: 0, sequence: 0, sentAt: 0 };
        expect(readStamp(buffer, offset, buffer.length, stamp)).toBe(true);
        expect(stamp).toEqual({ run, lane, sequence, sentAt: at });
        expect(readStamp(buffer, offset, buffer.length - 1, stamp)).toBe(false);
      },
    ),
  );
});
