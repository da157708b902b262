import type { RandomSource } from '../random.ts';

/** Bytes of a key. */
const KEY_LENGTH = 32;
/** A version, the key in use, and the one before. */
export const NONCE_KEY_WORDS = 1 + (2 * KEY_LENGTH) / 4;

/**
 * The keys of nonces. All servers of a daemon have the same ones, so that a client may come to another server, or to one that
 * was started again, with the nonce that it has.
 *
 * One thread writes. The version is odd while it does; readers keep a copy and look whether the version is still theirs.
 */
export class NonceKeys {
  readonly #version: Int32Array;
  readonly #shared: Uint8Array;
  readonly #copy = Buffer.alloc(2 * KEY_LENGTH);
  #copied = -1;

  /** @param words {@link NONCE_KEY_WORDS} words of shared memory. */
  constructor(words: Int32Array) {
    this.#version = words.subarray(0, 1);
    this.#shared = new Uint8Array(words.buffer, words.byteOffset + 4, 2 * KEY_LENGTH);
  }

  /** The key that nonces are made with. */
  get current(): Buffer {
    this.#read();
    return this.#copy.subarray(0, KEY_LENGTH);
  }

  /** The key before, whose nonces are still taken. */
  get previous(): Buffer {
    this.#read();
    return this.#copy.subarray(KEY_LENGTH);
  }

  /** Takes a new key; nonces made with the one before stay valid until the next rotation. One thread of a daemon does it. */
  rotate(random: RandomSource): void {
    const fresh = random.bytes(KEY_LENGTH);
    Atomics.add(this.#version, 0, 1);
    this.#shared.copyWithin(KEY_LENGTH, 0, KEY_LENGTH);
    this.#shared.set(fresh);
    Atomics.add(this.#version, 0, 1);
  }

  #read(): void {
    for (let version = Atomics.load(this.#version, 0); version !== this.#copied; ) {
      this.#copy.set(this.#shared);
      const now = Atomics.load(this.#version, 0);
      if (now === version && version % 2 === 0) this.#copied = version;
      version = now;
    }
  }
}
