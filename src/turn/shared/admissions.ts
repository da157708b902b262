import { hmac } from '../../stun/hmac.ts';
import type { AddressFamily } from '../../stun/protocol.ts';
import type { TrafficRates } from '../token-bucket.ts';
import { Lock } from './lock.ts';
import type { PortTable } from './port-table.ts';
import type { ReservationTable } from './reservation-table.ts';
import { KEY_WORDS } from './row-table.ts';
import type { SharedTrafficAllowance } from './traffic-allowance.ts';
import type { UserTable } from './user-table.ts';

/** How many allocations there may be. */
export interface Quotas {
  /** In all. */
  readonly allocations: number;
  /** Of one user; a reserved port counts like an allocation. */
  readonly allocationsPerUser: number;
}

/** Why there is to be no allocation. */
export type Rejection =
  | 'user-quota'
  | 'server-quota'
  /** The token is unknown, expired, used already, or another user's. */
  | 'no-reservation';

/** A reservation that was turned into an allocation: its user's row, and the port, which is now this server's. */
export interface Redemption {
  readonly user: number;
  readonly family: AddressFamily;
  readonly port: number;
}

/**
 * Who holds how many allocations and reserved ports, over all servers of a daemon. Everything is decided in one short
 * section under a lock, so that a quota is never exceeded, and nothing is refused while there is room.
 *
 * A thread may end inside a section, wherever it is. What counts stands in the rows; the rest is made anew from them.
 */
export class Admissions {
  readonly #self: number;
  readonly #users: UserTable;
  readonly #reservations: ReservationTable;
  readonly #ports: PortTable;
  readonly #lock: Lock;
  /** One word: the allocations of all servers. */
  readonly #allocations: Int32Array;
  readonly #hashKey: Buffer;
  readonly #userKey = new Int32Array(KEY_WORDS);
  readonly #tokenKey = new Int32Array(KEY_WORDS);

  /**
   * @param lock the word that is the lock.
   * @param allocations the word that counts the allocations of all servers.
   */
  constructor(init: {
    server: number;
    users: UserTable;
    reservations: ReservationTable;
    ports: PortTable;
    lock: Int32Array;
    allocations: Int32Array;
    hashKey: Uint8Array;
  }) {
    this.#self = init.server;
    this.#users = init.users;
    this.#reservations = init.reservations;
    this.#ports = init.ports;
    this.#lock = new Lock(init.lock, init.server, () => this.#mend(undefined));
    this.#allocations = init.allocations;
    this.#hashKey = Buffer.from(init.hashKey);
  }

  /** How many users hold something. */
  get users(): number {
    return this.#users.size;
  }

  /** How many ports are reserved, or about to be. */
  get reservations(): number {
    return this.#reservations.size;
  }

  /**
   * Counts a new allocation of this server to a user, and a reservation to go with it if there is a token for one. The
   * reservation has no port yet; {@link keep} gives it one, or {@link cancel} ends it.
   *
   * @returns the user's row. It is the user's until the last {@link leave}.
   */
  admit(user: string, quotas: Quotas, token?: Buffer): number | Rejection {
    this.#hashUser(user);
    if (token !== undefined) this.#readToken(token);
    this.#lock.acquire();
    try {
      if (this.#allocations[0]! >= quotas.allocations) return 'server-quota';
      const row = this.#users.enter(this.#userKey);
      if (row < 0) return 'server-quota';
      if (this.#users.held(row) + (token === undefined ? 1 : 2) > quotas.allocationsPerUser) {
        this.#users.removeIfIdle(row);
        return 'user-quota';
      }
      if (token !== undefined) {
        if (this.#reservations.insert(this.#tokenKey, this.#self, row) < 0) {
          this.#users.removeIfIdle(row);
          return 'server-quota';
        }
        this.#users.countReservation(row, 1);
      }
      this.#addAllocation(row);
      return row;
    } finally {
      this.#lock.release();
    }
  }

  /** The port of a reservation that this server has admitted: from now on its token is good at every server. */
  keep(token: Buffer, family: AddressFamily, port: number): void {
    this.#readToken(token);
    this.#lock.acquire();
    try {
      const row = this.#reservations.find(this.#tokenKey);
      if (row >= 0) this.#reservations.setPort(row, family, port);
    } finally {
      this.#lock.release();
    }
  }

  /** Ends a reservation of this server, with its port if it has one. Nothing happens when it was redeemed. */
  cancel(token: Buffer): void {
    this.#readToken(token);
    this.#lock.acquire();
    try {
      const row = this.#reservations.find(this.#tokenKey);
      if (row < 0) return;
      const family = this.#reservations.family(row);
      const port = this.#reservations.port(row);
      this.#removeReservation(row);
      if (port !== 0) this.#ports.release(family, port);
    } finally {
      this.#lock.release();
    }
  }

  /** Turns a reservation of any server into an allocation of this one, which takes its port over. */
  redeem(user: string, quotas: Quotas, token: Buffer): Redemption | Rejection {
    this.#hashUser(user);
    this.#readToken(token);
    let row = -1;
    let port = 0;
    let family: AddressFamily;
    this.#lock.acquire();
    try {
      const reservation = this.#reservations.find(this.#tokenKey);
      if (reservation < 0) return 'no-reservation';
      row = this.#reservations.user(reservation);
      port = this.#reservations.port(reservation);
      family = this.#reservations.family(reservation);
      if (port === 0 || this.#users.find(this.#userKey) !== row) return 'no-reservation';
      if (this.#allocations[0]! >= quotas.allocations) return 'server-quota';
      if (!this.#ports.takeOver(family, port, this.#reservations.home(reservation))) return 'no-reservation';
      this.#addAllocation(row);
      this.#removeReservation(reservation);
    } finally {
      this.#lock.release();
    }
    return { user: row, family, port };
  }

  /** An allocation of this server has ended. */
  leave(row: number): void {
    this.#lock.acquire();
    try {
      this.#users.countAllocation(row, this.#self, -1);
      this.#allocations[0]!--;
      this.#users.removeIfIdle(row);
    } finally {
      this.#lock.release();
    }
  }

  /** The traffic allowance of a user, for as long as it has an allocation. */
  traffic(row: number, rates: TrafficRates): SharedTrafficAllowance {
    return this.#users.traffic(row, rates);
  }

  /** Live allocations of one user at all servers. */
  allocationsOf(user: string): number {
    this.#hashUser(user);
    this.#lock.acquire();
    try {
      const row = this.#users.find(this.#userKey);
      return row < 0 ? 0 : this.#users.allocations(row);
    } finally {
      this.#lock.release();
    }
  }

  /** Takes out the allocations and reservations of a server that has died, and frees the lock if it died with it. */
  forget(server: number): void {
    this.#lock.acquireFromDead(server);
    try {
      this.#mend(server);
    } finally {
      this.#lock.release();
    }
  }

  #addAllocation(row: number): void {
    this.#users.countAllocation(row, this.#self, 1);
    this.#allocations[0]!++;
  }

  #removeReservation(row: number): void {
    const user = this.#reservations.user(row);
    this.#reservations.remove(row);
    this.#users.countReservation(user, -1);
    this.#users.removeIfIdle(user);
  }

  /** Makes every index and sum anew from the rows, without what a dead server had. */
  #mend(deadServer: number | undefined): void {
    this.#users.clear(deadServer);
    this.#reservations.relink(this.#ports, this.#users, deadServer);
    this.#allocations[0] = this.#users.relink();
  }

  #hashUser(id: string): void {
    const hash = hmac('sha256', this.#hashKey, Buffer.from(id));
    for (let i = 0; i < KEY_WORDS; i++) this.#userKey[i] = hash.readInt32LE(4 * i);
  }

  #readToken(token: Buffer): void {
    this.#tokenKey[0] = token.readInt32LE(0);
    this.#tokenKey[1] = token.readInt32LE(4);
  }
}
