import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/virtual-network/seeded-random.ts';
import { NONCE_KEY_WORDS, NonceKeys } from './nonce-keys.ts';

describe('NonceKeys', () => {
  it('are the same for all servers, before a rotation and after it', () => {
    const words = new Int32Array(new SharedArrayBuffer(4 * NONCE_KEY_WORDS));
    const [writer, reader] = [new NonceKeys(words), new NonceKeys(words)];
    const random = new SeededRandom(1);
    writer.rotate(random);
    writer.rotate(random);
    const before = Buffer.from(reader.current);
    expect(before.equals(reader.previous)).toBe(false);
    expect(reader.current).toEqual(writer.current);
    writer.rotate(random);
    expect(reader.previous).toEqual(before);
    expect(reader.current).toEqual(writer.current);
    expect(reader.current).not.toEqual(before);
  });
});
