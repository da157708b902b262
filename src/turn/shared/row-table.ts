/** Words of a key: random or a keyed hash, so that nobody can choose keys that collide. */
export const KEY_WORDS = 4;
/** Where the owner's own words begin in a row. */
export const PAYLOAD = 1 + KEY_WORDS;

/** In a row: the next one of its chain or of the free list, as its number + 1. */
const NEXT = 0;
const KEY = 1;

/** In front of the table: the first free row + 1, how many rows were ever used, how many are in use. */
const FREE = 0;
const EVER_USED = 1;
const SIZE = 2;
const HEADER = 4;

/**
 * A hash table of numbered rows in shared memory, with chains and a free list. A row keeps its number while it is in use.
 * Rows are used from the front, so memory behind the busiest moment is never touched.
 *
 * Every call but {@link size} is made under one lock. Chains, free list and size are no more than an index: they can be
 * made again from the rows by {@link relink}.
 */
export class RowTable {
  /** The words of all rows, for the owner's payload; see {@link at}. */
  readonly words: Int32Array;
  readonly #rows: number;
  readonly #stride: number;
  readonly #mask: number;

  /** How many words a table of so many rows takes. */
  static words(rows: number, stride: number): number {
    return HEADER + bucketCount(rows) + rows * stride;
  }

  /**
   * @param words exactly the words of this table; zero when it is new.
   * @param stride words in a row: {@link PAYLOAD} and what the owner keeps there; even.
   */
  constructor(words: Int32Array, rows: number, stride: number) {
    this.words = words;
    this.#rows = rows;
    this.#stride = stride;
    this.#mask = bucketCount(rows) - 1;
  }

  /** How many rows are in use. */
  get size(): number {
    return Atomics.load(this.words, SIZE);
  }

  /** Every row in use has a number below this one. */
  get end(): number {
    return this.words[EVER_USED]!;
  }

  /** The index of a row's first word. */
  at(row: number): number {
    return HEADER + this.#mask + 1 + row * this.#stride;
  }

  /** The row with this key; -1 when there is none. */
  find(key: Int32Array): number {
    const words = this.words;
    for (let next = words[this.#bucket(key[0]!)]!; next !== 0; next = words[this.at(next - 1) + NEXT]!) {
      if (this.#hasKey(next - 1, key)) return next - 1;
    }
    return -1;
  }

  /** A row for a key that has none yet; -1 when the table is full. What stands in its payload is of its last use. */
  insert(key: Int32Array): number {
    const words = this.words;
    let row = words[FREE]! - 1;
    if (row >= 0) words[FREE] = words[this.at(row) + NEXT]!;
    else if (words[EVER_USED]! < this.#rows) row = words[EVER_USED]!++;
    else return -1;
    for (let i = 0; i < KEY_WORDS; i++) words[this.at(row) + KEY + i] = key[i]!;
    this.#link(row);
    return row;
  }

  remove(row: number): void {
    const words = this.words;
    let link = this.#bucket(words[this.at(row) + KEY]!);
    while (words[link] !== row + 1) link = this.at(words[link]! - 1) + NEXT;
    words[link] = words[this.at(row) + NEXT]!;
    words[SIZE]!--;
    this.#free(row);
  }

  /** Makes chains, free list and size anew; `isUsed` says which rows are in use. */
  relink(isUsed: (row: number) => boolean): void {
    const words = this.words;
    words.fill(0, HEADER, HEADER + this.#mask + 1);
    words[FREE] = 0;
    words[SIZE] = 0;
    for (let row = words[EVER_USED]! - 1; row >= 0; row--) {
      if (isUsed(row)) this.#link(row);
      else this.#free(row);
    }
  }

  #link(row: number): void {
    const words = this.words;
    const bucket = this.#bucket(words[this.at(row) + KEY]!);
    words[this.at(row) + NEXT] = words[bucket]!;
    words[bucket] = row + 1;
    words[SIZE]!++;
  }

  #free(row: number): void {
    this.words[this.at(row) + NEXT] = this.words[FREE]!;
    this.words[FREE] = row + 1;
  }

  #bucket(hash: number): number {
    return HEADER + (hash & this.#mask);
  }

  #hasKey(row: number, key: Int32Array): boolean {
    const at = this.at(row) + KEY;
    for (let i = 0; i < KEY_WORDS; i++) if (this.words[at + i] !== key[i]) return false;
    return true;
  }
}

/** A power of two, so that chains have one or two rows when the table is full. */
function bucketCount(rows: number): number {
  return 1 << Math.max(1, 31 - Math.clz32(rows));
}
