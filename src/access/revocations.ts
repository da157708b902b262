import { hash } from 'node:crypto';
import type { Revocation, RevocationKind } from '../store/store.ts';
import { KEY_WORDS, PAYLOAD, RowTable } from '../turn/shared/row-table.ts';
import type { UnixSeconds } from '../turn/time.ts';

/** In a row: when it runs out, 0 in a row that is free. */
const UNTIL = PAYLOAD;
const STRIDE = UNTIL + 1;
/** The kind stands in the lowest bits of a key's last word. */
const KINDS: readonly RevocationKind[] = ['credential', 'user', 'key'];
const KIND_MASK = 3;
/** As much as an unsigned word holds: the year 2106. */
const LATEST = 0xffff_ffff;

/** What is asked about: a credential with its user and the key that issued it. */
export interface RevocableCredential {
  readonly username: string;
  readonly user: string;
  readonly issuer: string | undefined;
}

/**
 * The revocations in force, in 24 bytes each and 2 to 4 more for the index: about 26 MB for a million. The memory is set aside
 * at once, but the system gives it only as it is used. Names are kept as a keyed hash of 126 bits, so nobody can choose names
 * that make look-ups slow.
 */
export class Revocations {
  readonly #rows: RowTable;
  readonly #words: Int32Array;
  readonly #secret: string;
  readonly #sizes = [0, 0, 0];
  readonly #key = new Int32Array(KEY_WORDS);
  /** Where the sweep goes on. */
  #next = 0;

  /** @param most how many there may be. */
  constructor(most: number, randomBytes: (size: number) => Buffer) {
    this.#words = new Int32Array(RowTable.words(most, STRIDE));
    this.#rows = new RowTable(this.#words, most, STRIDE);
    this.#secret = randomBytes(32).toString('hex');
  }

  get size(): number {
    return this.#rows.size;
  }

  isRevoked({ username, user, issuer }: RevocableCredential, now: UnixSeconds): boolean {
    if (this.size === 0) return false;
    const hash = username.indexOf('#');
    return (
      this.has('credential', username, now) ||
      // A revocation that names no label covers them all: a URL ends at a # that is not escaped.
      (hash > 0 && this.has('credential', username.slice(0, hash), now)) ||
      this.has('user', user, now) ||
      (issuer !== undefined && this.has('key', issuer, now))
    );
  }

  has(kind: RevocationKind, name: string, now: UnixSeconds): boolean {
    return this.until(kind, name) > now;
  }

  /** When a revocation runs out; 0 when there is none. */
  until(kind: RevocationKind, name: string): number {
    // A hash takes longer than all the rest.
    if (this.#sizes[KINDS.indexOf(kind)] === 0) return 0;
    const row = this.#rows.find(this.#keyOf(kind, name));
    return row < 0 ? 0 : this.#until(row);
  }

  /** Adds one, or makes it last longer. False when it has no room, also not in place of one that has run out. */
  add({ kind, name, until }: Revocation, now: UnixSeconds): boolean {
    const key = this.#keyOf(kind, name);
    const known = this.#rows.find(key);
    const lasting = Math.max(1, Math.min(Math.ceil(until), LATEST));
    if (known >= 0) {
      this.#words[this.#rows.at(known) + UNTIL] = Math.max(lasting, this.#until(known));
      return true;
    }
    let row = this.#rows.insert(key);
    if (row < 0 && this.sweep(now, this.#rows.end) > 0) row = this.#rows.insert(key);
    if (row < 0) return false;
    this.#words[this.#rows.at(row) + UNTIL] = lasting;
    this.#sizes[KINDS.indexOf(kind)]!++;
    return true;
  }

  /** False when there was none. */
  remove(kind: RevocationKind, name: string): boolean {
    const row = this.#rows.find(this.#keyOf(kind, name));
    if (row >= 0) this.#free(row);
    return row >= 0;
  }

  /** Looks at the next `rows` rows, and forgets those that have run out; how many that were. */
  sweep(now: UnixSeconds, rows: number): number {
    const before = this.size;
    for (let left = Math.min(rows, this.#rows.end); left > 0; left--) {
      if (this.#next >= this.#rows.end) this.#next = 0;
      const until = this.#until(this.#next);
      if (until !== 0 && until <= now) this.#free(this.#next);
      this.#next++;
    }
    return before - this.size;
  }

  #free(row: number): void {
    const at = this.#rows.at(row);
    this.#sizes[this.#words[at + PAYLOAD - 1]! & KIND_MASK]!--;
    this.#words[at + UNTIL] = 0;
    this.#rows.remove(row);
  }

  #until(row: number): number {
    return this.#words[this.#rows.at(row) + UNTIL]! >>> 0;
  }

  #keyOf(kind: RevocationKind, name: string): Int32Array {
    const digest = hash('sha256', `${this.#secret}${kind}:${name}`, 'buffer');
    for (let i = 0; i < KEY_WORDS; i++) this.#key[i] = digest.readInt32LE(4 * i);
    this.#key[KEY_WORDS - 1] = (this.#key[KEY_WORDS - 1]! & ~KIND_MASK) | KINDS.indexOf(kind);
    return this.#key;
  }
}
