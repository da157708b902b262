import type { TrafficRates } from '../token-bucket.ts';
import { PAYLOAD, RowTable } from './row-table.ts';
import { ALLOWANCE_DOUBLES, SharedTrafficAllowance } from './traffic-allowance.ts';

/** In a row: the lock of the user's traffic allowance, and its doubles, which begin at an even word. */
const LOCK = PAYLOAD;
const TRAFFIC = PAYLOAD + 1;
const RESERVATIONS = TRAFFIC + 2 * ALLOWANCE_DOUBLES;
/** Allocations, a word for each server. */
const ALLOCATIONS = RESERVATIONS + 1;

/** Words in a row. */
export function userStride(servers: number): number {
  const words = ALLOCATIONS + servers;
  return words + (words % 2);
}

/**
 * The users of a daemon and what they hold. A row is in use while it counts something. The allocations are kept for each
 * server, so that those of a dead one can be taken out. Every call but {@link size} and {@link traffic} is made under the lock.
 */
export class UserTable {
  readonly #rows: RowTable;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #servers: number;

  /** @param words the words of this table, at an offset that suits doubles. */
  constructor(words: Int32Array, rows: number, servers: number) {
    this.#rows = new RowTable(words, rows, userStride(servers));
    this.#words = words;
    this.#doubles = new Float64Array(words.buffer, words.byteOffset, words.length >> 1);
    this.#servers = servers;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row of the user with this key; -1 when it holds nothing. */
  find(key: Int32Array): number {
    return this.#rows.find(key);
  }

  /** The row of the user with this key, a new one if it held nothing so far; -1 when there is no room. */
  enter(key: Int32Array): number {
    const known = this.#rows.find(key);
    if (known >= 0) return known;
    const row = this.#rows.insert(key);
    if (row < 0) return -1;
    const at = this.#rows.at(row);
    this.#words.fill(0, at + LOCK, at + ALLOCATIONS + this.#servers);
    return row;
  }

  /** Allocations of a user at all servers. */
  allocations(row: number): number {
    const first = this.#rows.at(row) + ALLOCATIONS;
    let sum = 0;
    for (let at = first; at < first + this.#servers; at++) sum += this.#words[at]!;
    return sum;
  }

  /** What counts against the quota of a user: a reserved port counts like an allocation. */
  held(row: number): number {
    return this.allocations(row) + this.#words[this.#rows.at(row) + RESERVATIONS]!;
  }

  countAllocation(row: number, server: number, change: 1 | -1): void {
    this.#words[this.#rows.at(row) + ALLOCATIONS + server]! += change;
  }

  countReservation(row: number, change: 1 | -1): void {
    this.#words[this.#rows.at(row) + RESERVATIONS]! += change;
  }

  /** Lets a user go that holds nothing. */
  removeIfIdle(row: number): void {
    if (this.held(row) === 0) this.#rows.remove(row);
  }

  /** The traffic allowance of a user, for as long as the row is in use. */
  traffic(row: number, rates: TrafficRates): SharedTrafficAllowance {
    const at = this.#rows.at(row);
    return new SharedTrafficAllowance(this.#words, at + LOCK, this.#doubles, (at + TRAFFIC) / 2, rates);
  }

  /** Takes out what users hold at a server that has died, and all reservations; {@link relink} has to follow. */
  clear(deadServer: number | undefined): void {
    for (let row = 0; row < this.#rows.end; row++) {
      const at = this.#rows.at(row);
      this.#words[at + RESERVATIONS] = 0;
      if (deadServer !== undefined) this.#words[at + ALLOCATIONS + deadServer] = 0;
    }
  }

  /** Makes the index anew from the rows; returns how many allocations there are. */
  relink(): number {
    let allocations = 0;
    this.#rows.relink((row) => {
      allocations += this.allocations(row);
      return this.held(row) > 0;
    });
    return allocations;
  }
}
