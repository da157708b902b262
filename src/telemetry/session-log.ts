import type { TransportAddress } from '../stun/ip-address.ts';
import { attributeName, ErrorCode, Method } from '../stun/protocol.ts';
import type { Allocation } from '../turn/allocation.ts';
import type { ServerEvent } from '../turn/output.ts';
import type { Instant } from '../turn/time.ts';
import { type AddressDetail, displayAddress, displayHost } from './address-display.ts';
import { FloodGuard } from './flood-guard.ts';
import type { Log } from './log.ts';

const methodNames = new Map<number, string>(Object.entries(Method).map(([name, method]) => [method, name]));

/** The name of a method as logs and metrics have it. */
export function methodName(method: number): string {
  return methodNames.get(method) ?? attributeName(method);
}

/** Writes down who allocated what, for how long, how much passed and why it ended; and which requests were refused. */
export class SessionLog {
  readonly #log: Log;
  readonly #detail: AddressDetail;
  readonly #guard: FloodGuard;

  constructor(log: Log, detail: AddressDetail, now: Instant) {
    this.#log = log;
    this.#detail = detail;
    this.#guard = new FloodGuard(now);
  }

  write(event: ServerEvent, now: Instant): void {
    switch (event.kind) {
      case 'allocation-created': {
        const { allocation, lifetimeSeconds } = event;
        const relayed = allocation.relayedAddresses.map(({ external }) => displayAddress(external, 'full'));
        const facts = { event: event.kind, ...this.#identity(allocation), relayed, lifetimeSeconds };
        this.#log.info(facts, `allocated ${relayed.join(' and ')}`);
        return;
      }
      case 'allocation-ended': {
        const { allocation, reason, at } = event;
        const seconds = Math.round((at - allocation.createdAt) / 1000);
        const { fromClient, toClient } = allocation;
        const facts = { event: event.kind, ...this.#identity(allocation), reason, seconds, fromClient, toClient };
        this.#log.info(facts, `allocation ended after ${seconds} s: ${reason}`);
        return;
      }
      case 'request-refused':
        this.#refused(event, now);
    }
  }

  #identity(allocation: Allocation): object {
    const { id, user, authenticated, fiveTuple } = allocation;
    return {
      allocation: id,
      user: user.id,
      label: authenticated.credential.label,
      client: this.#address(fiveTuple.client),
      transport: fiveTuple.listener.transport,
    };
  }

  #refused(event: Extract<ServerEvent, { kind: 'request-refused' }>, now: Instant): void {
    const { code, why, username, client, peer } = event;
    // A stale nonce is everyday life: every client that stays long enough meets one.
    const level = code === ErrorCode.staleNonce ? 'debug' : 'warn';
    const suppressed = this.#guard.admit(now);
    if (suppressed === undefined) return;
    const method = methodName(event.method);
    const facts = {
      event: event.kind,
      method,
      code,
      why,
      username,
      client: this.#address(client),
      peer: peer && displayHost(peer, this.#detail),
      suppressed,
    };
    this.#log[level](facts, `refused ${method} with ${code}: ${why}`);
  }

  #address(address: TransportAddress): string {
    return displayAddress(address, this.#detail);
  }
}
