import { describe, expect, it } from 'vitest';
import { createSharedMemory } from '../turn/shared/shared-memory.ts';
import { systemRandom } from './system-random.ts';
import { workerCount } from './turn-servers.ts';

describe('the number of workers', () => {
  it.each([1, 2, 64, 1024])('fits the memory that they share, on %i cores', (cores) => {
    const workers = workerCount('auto', cores);
    expect(workers).toBe(Math.min(cores, 126));
    expect(createSharedMemory(1 + workers, { low: 50_000, high: 50_000 }, systemRandom).servers).toBe(1 + workers);
  });

  it('is what the configuration says', () => {
    expect(workerCount(3, 1)).toBe(3);
  });
});
