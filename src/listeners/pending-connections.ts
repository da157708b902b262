import type { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { networkOf } from '../turn/address-range.ts';

/** What may be pending at once. */
export interface PendingLimits {
  readonly pending: number;
  readonly pendingPerAddress: number;
}

/**
 * The connections that have not yet sent a whole message, oldest first. Silent connections must never keep a new client
 * out: one address gets a share of the table, and when the table is full its oldest entry has to go.
 */
export class PendingConnections<Connection> {
  readonly #limits: PendingLimits;
  /** With the key of the address each is counted under; `undefined` as long as that is not known. */
  readonly #keys = new Map<Connection, string | undefined>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#keys.size;
  }

  /**
   * Takes in a new connection.
   *
   * @returns the connection that has to be closed for it, if the table is full. It is no longer in the table.
   */
  add(connection: Connection): Connection | undefined {
    const [oldest] = this.#keys.size >= this.#limits.pending ? this.#keys.keys() : [];
    if (oldest !== undefined) this.delete(oldest);
    this.#keys.set(connection, undefined);
    return oldest;
  }

  /** Counts a connection under its address; false when the address has its share already. */
  place(connection: Connection, address: IpAddress): boolean {
    if (!this.#keys.has(connection)) return false;
    const key = addressKey(address);
    const count = this.#perAddress.get(key) ?? 0;
    if (count >= this.#limits.pendingPerAddress) return false;
    this.#keys.set(connection, key);
    this.#perAddress.set(key, count + 1);
    return true;
  }

  /** Forgets a connection, because it has sent a message or has closed. */
  delete(connection: Connection): boolean {
    const key = this.#keys.get(connection);
    if (key !== undefined) {
      const count = this.#perAddress.get(key)! - 1;
      if (count === 0) this.#perAddress.delete(key);
      else this.#perAddress.set(key, count);
    }
    return this.#keys.delete(connection);
  }
}

/** One IPv6 client has a /64 of addresses to come from. */
function addressKey(ip: IpAddress): string {
  return ip.family === AddressFamily.ipv4 ? ip.text : networkOf(ip, 64).text;
}
