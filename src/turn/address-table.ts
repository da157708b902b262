import type { AddressWords } from '../stun/ip-address.ts';

const KEY_WORDS = 6;
const SMALLEST = 64;

/**
 * A hash table from (scope, IP address, port) to a value, which looks up without making an object: the packet path's one look-up.
 * The scope is whatever number the table's owner tells its entries apart by, such as a listener or a relayed address; where
 * that is not enough there is a part, a number below 0x4000.
 *
 * Open addressing with linear probing over one typed array; it grows at half full and shrinks when emptied.
 */
export class AddressTable<Value> {
  readonly #seed: number;
  #mask = SMALLEST - 1;
  #keys = new Int32Array(SMALLEST * KEY_WORDS);
  #values: (Value | undefined)[] = new Array(SMALLEST).fill(undefined);
  #size = 0;

  /** @param seed random bits, so that nobody can choose addresses that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get size(): number {
    return this.#size;
  }

  get(scope: number, ip: AddressWords, port: number, part = 0): Value | undefined {
    return this.#values[this.#find(scope, ip, port, part)];
  }

  set(scope: number, ip: AddressWords, port: number, value: Value, part = 0): void {
    let slot = this.#find(scope, ip, port, part);
    if (this.#values[slot] === undefined) {
      if (this.#size * 2 >= this.#mask) {
        this.#resize((this.#mask + 1) * 2);
        slot = this.#find(scope, ip, port, part);
      }
      this.#size++;
      const key = slot * KEY_WORDS;
      this.#keys[key] = scope;
      this.#keys[key + 1] = ip.w0;
      this.#keys[key + 2] = ip.w1;
      this.#keys[key + 3] = ip.w2;
      this.#keys[key + 4] = ip.w3;
      this.#keys[key + 5] = lastWord(ip, port, part);
    }
    this.#values[slot] = value;
  }

  delete(scope: number, ip: AddressWords, port: number, part = 0): boolean {
    let gap = this.#find(scope, ip, port, part);
    if (this.#values[gap] === undefined) return false;
    this.#values[gap] = undefined;
    this.#size--;
    // Close the gap: move back every later entry of the run that may stand in it.
    for (let slot = (gap + 1) & this.#mask; this.#values[slot] !== undefined; slot = (slot + 1) & this.#mask) {
      const home = this.#home(slot);
      if (((slot - home) & this.#mask) < ((slot - gap) & this.#mask)) continue;
      this.#keys.copyWithin(gap * KEY_WORDS, slot * KEY_WORDS, (slot + 1) * KEY_WORDS);
      this.#values[gap] = this.#values[slot];
      this.#values[slot] = undefined;
      gap = slot;
    }
    if (this.#mask + 1 > SMALLEST && this.#size * 8 < this.#mask) this.#resize((this.#mask + 1) / 2);
    return true;
  }

  /** The slot that holds this key, or the free slot where it would go. */
  #find(scope: number, ip: AddressWords, port: number, part: number): number {
    const keys = this.#keys;
    const last = lastWord(ip, port, part);
    let slot = this.#hash(scope, ip.w0, ip.w1, ip.w2, ip.w3, last);
    while (this.#values[slot] !== undefined) {
      const key = slot * KEY_WORDS;
      if (
        keys[key + 1] === ip.w0 &&
        keys[key + 5] === last &&
        keys[key] === scope &&
        keys[key + 2] === ip.w1 &&
        keys[key + 3] === ip.w2 &&
        keys[key + 4] === ip.w3
      ) {
        return slot;
      }
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #home(slot: number): number {
    const keys = this.#keys;
    const key = slot * KEY_WORDS;
    return this.#hash(keys[key]!, keys[key + 1]!, keys[key + 2]!, keys[key + 3]!, keys[key + 4]!, keys[key + 5]!);
  }

  #hash(a: number, b: number, c: number, d: number, e: number, f: number): number {
    let h = this.#seed;
    h = mix(h ^ a);
    h = mix(h ^ b);
    h = mix(h ^ c);
    h = mix(h ^ d);
    h = mix(h ^ e);
    h = mix(h ^ f);
    return (h ^ (h >>> 15)) & this.#mask;
  }

  #resize(capacity: number): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#mask = capacity - 1;
    this.#keys = new Int32Array(capacity * KEY_WORDS);
    this.#values = new Array(capacity).fill(undefined);
    for (const [old, value] of values.entries()) {
      if (value === undefined) continue;
      const from = old * KEY_WORDS;
      let slot = this.#hash(
        keys[from]!,
        keys[from + 1]!,
        keys[from + 2]!,
        keys[from + 3]!,
        keys[from + 4]!,
        keys[from + 5]!,
      );
      while (this.#values[slot] !== undefined) slot = (slot + 1) & this.#mask;
      this.#keys.set(keys.subarray(from, from + KEY_WORDS), slot * KEY_WORDS);
      this.#values[slot] = value;
    }
  }
}

/** Port in 16 bits, family in 2, part in 14. */
function lastWord(ip: AddressWords, port: number, part: number): number {
  return (part << 18) | (ip.family << 16) | port;
}

/** The finishing step of MurmurHash3: every input bit reaches every output bit. */
export function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
