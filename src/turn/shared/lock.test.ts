import { describe, expect, it } from 'vitest';
import { Lock } from './lock.ts';

/** The lock as each of three servers has it, and who has mended what it protects. */
function locks() {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const mended: number[] = [];
  return { word, mended, locks: [0, 1, 2].map((server) => new Lock(word, server, () => mended.push(server))) };
}

describe('Lock', () => {
  it('names its holder and comes free', () => {
    const { word, mended, locks: all } = locks();
    for (const [server, lock] of all.entries()) {
      lock.acquire();
      expect(word[0]).toBe(server + 1);
      lock.release();
      expect(word[0]).toBe(0);
    }
    expect(mended).toEqual([]);
  });

  it('is taken at once from a server that is known to be dead, and what it protects is mended', () => {
    const { word, mended, locks: all } = locks();
    all[1]!.acquire();
    all[0]!.acquireFromDead(1);
    expect(word[0]).toBe(1);
    expect(mended).toEqual([0]);
    all[0]!.release();
    all[2]!.acquireFromDead(1);
    expect(mended).toEqual([0]);
  });

  it('is taken in the end from a holder that does not let go, which then learns of it', () => {
    const { word, mended, locks: all } = locks();
    all[1]!.acquire();
    all[2]!.acquire();
    expect(mended).toEqual([2]);
    expect(() => all[1]!.release()).toThrow('taken over');
    expect(word[0]).toBe(3);
    all[2]!.release();
    expect(word[0]).toBe(0);
  });
});
