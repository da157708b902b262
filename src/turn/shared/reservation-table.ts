import type { AddressFamily } from '../../stun/protocol.ts';
import type { PortTable } from './port-table.ts';
import { PAYLOAD, RowTable } from './row-table.ts';
import type { UserTable } from './user-table.ts';

/** In a row: the server that keeps port and deadline, as its index + 1; 0 while the row is not in use. */
const HOME = PAYLOAD;
/** The user's row. */
const USER = PAYLOAD + 1;
/** Family in the upper, port in the lower 16 bits; 0 until the Allocate that reserves it is answered. */
const PORT = PAYLOAD + 2;

/** Words in a row. */
export const RESERVATION_STRIDE = PAYLOAD + 3;

/**
 * Relay ports that wait for a second allocation, by their tokens (RFC 8656 §7.2). A row is in use while it has a home that owns
 * its port. Every call but {@link size} is made under the lock.
 */
export class ReservationTable {
  readonly #rows: RowTable;
  readonly #words: Int32Array;

  constructor(words: Int32Array, rows: number) {
    this.#rows = new RowTable(words, rows, RESERVATION_STRIDE);
    this.#words = words;
  }

  get size(): number {
    return this.#rows.size;
  }

  find(token: Int32Array): number {
    return this.#rows.find(token);
  }

  /** A row for a token that is not in use; -1 when there is no room. */
  insert(token: Int32Array, home: number, user: number): number {
    const row = this.#rows.insert(token);
    if (row < 0) return -1;
    const at = this.#rows.at(row);
    this.#words[at + USER] = user;
    this.#words[at + PORT] = 0;
    this.#words[at + HOME] = home + 1;
    return row;
  }

  remove(row: number): void {
    this.#words[this.#rows.at(row) + HOME] = 0;
    this.#rows.remove(row);
  }

  home(row: number): number {
    return this.#words[this.#rows.at(row) + HOME]! - 1;
  }

  user(row: number): number {
    return this.#words[this.#rows.at(row) + USER]!;
  }

  /** 0 while there is none. */
  port(row: number): number {
    return this.#words[this.#rows.at(row) + PORT]! & 0xffff;
  }

  family(row: number): AddressFamily {
    return (this.#words[this.#rows.at(row) + PORT]! >>> 16) as AddressFamily;
  }

  setPort(row: number, family: AddressFamily, port: number): void {
    this.#words[this.#rows.at(row) + PORT] = (family << 16) | port;
  }

  /**
   * Makes the index anew from the rows, and counts the reservations to their users. Those of a server that has died go, and
   * those whose port was taken over by a thread that got no further.
   */
  relink(ports: PortTable, users: UserTable, deadServer: number | undefined): void {
    this.#rows.relink((row) => {
      const home = this.home(row);
      const port = this.port(row);
      const inUse = home >= 0 && home !== deadServer && (port === 0 || ports.isOwnedBy(this.family(row), port, home));
      if (inUse) users.countReservation(this.user(row), 1);
      else this.#words[this.#rows.at(row) + HOME] = 0;
      return inUse;
    });
  }
}
