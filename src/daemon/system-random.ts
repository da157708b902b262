import { randomFillSync, randomInt } from 'node:crypto';
import type { RandomSource } from '../turn/random.ts';

/** Asking the system costs much the same for a few bytes as for many. */
const POOL_BYTES = 4096;
const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/** Random numbers that nobody can predict. */
export const systemRandom: RandomSource = {
  below: (limit) => randomInt(limit),
  bytes: (length) => {
    if (length > POOL_BYTES) return randomFillSync(Buffer.alloc(length));
    if (used + length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = Buffer.from(pool.subarray(used, used + length));
    // What was handed out is not kept.
    pool.fill(0, used, used + length);
    used += length;
    return bytes;
  },
};
