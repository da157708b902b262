import type { Clock } from '../../client/clock.ts';
import type { IpAddress } from '../../stun/ip-address.ts';

/** New transactions with one server, at most, in any second. */
export const TRANSACTIONS_PER_SECOND = 20;

/** Spreads requests over time, so that no server takes a diagnosis for an attack. Both addresses of a server count as one. */
export class Pacing {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #servers = new Map<string, { nextAt: number }>();

  constructor(clock: Pick<Clock, 'now'>, sleep: (ms: number) => Promise<void>) {
    this.#clock = clock;
    this.#sleep = sleep;
  }

  /** Resolves when a new transaction with this address may begin. */
  async turn(ip: IpAddress): Promise<void> {
    const server = this.#of(ip);
    const now = this.#clock.now();
    const at = Math.max(now, server.nextAt);
    server.nextAt = at + 1000 / TRANSACTIONS_PER_SECOND;
    if (at > now) await this.#sleep(at - now);
  }

  /** From now on both addresses share one allowance. */
  join(ip: IpAddress, other: IpAddress): void {
    this.#servers.set(other.text, this.#of(ip));
  }

  #of(ip: IpAddress): { nextAt: number } {
    let server = this.#servers.get(ip.text);
    if (server === undefined) {
      server = { nextAt: Number.NEGATIVE_INFINITY };
      this.#servers.set(ip.text, server);
    }
    return server;
  }
}
