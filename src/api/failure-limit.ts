import { isIPv6 } from 'node:net';
import { IpAddress, isIpv4Mapped } from '../stun/ip-address.ts';
import type { Instant } from '../turn/time.ts';

interface Failures {
  /** How much is left of the allowance, in the milliseconds it takes to come back: whole numbers stay exact. */
  readonly balance: number;
  readonly countedAt: Instant;
}

const cost = 6_000;
const burst = 10 * cost;
const maxClients = 4_096;

/**
 * Counts wrong keys for each client: ten at once, then ten a minute. Its memory is bounded; when it is full the client that
 * failed longest ago is forgotten.
 *
 * A right key is never refused: a reverse proxy makes many apps look like one client, and a wrong key of one of them must
 * not lock the others out. Keys are far too long to be found by trying.
 */
export class FailureLimit {
  // Insertion order is the order of the last failure.
  readonly #clients = new Map<string, Failures>();

  /**
   * Counts a failure.
   *
   * @returns 0 when it is still within the limit, else after how many seconds to try again
   */
  count(address: string, now: Instant): number {
    const client = clientOf(address);
    const { balance, countedAt } = this.#clients.get(client) ?? { balance: burst, countedAt: now };
    const available = Math.min(burst, balance + (now - countedAt));
    const within = available >= cost;
    this.#clients.delete(client);
    this.#clients.set(client, { balance: within ? available - cost : available, countedAt: now });
    if (this.#clients.size > maxClients) this.#clients.delete(this.#clients.keys().next().value!);
    return within ? 0 : Math.ceil((cost - available) / 1000);
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#clients.size;
  }
}

/** One host may take every address of its IPv6 /64, so that counts as one client. */
function clientOf(address: string): string {
  const ip = isIPv6(address) ? IpAddress.parse(address) : undefined;
  if (!ip) return address;
  return isIpv4Mapped(ip) ? ip.text.slice('::ffff:'.length) : `${ip.w0},${ip.w1}`;
}
