import { IpAddress } from '../stun/ip-address.ts';
import { attributeName, ErrorCode, Method } from '../stun/protocol.ts';
import type { Instant } from '../turn/time.ts';
import { type AddressDetail, displayAddress, displayHost } from './address-display.ts';
import type { AddressRecord, AllocationRecord, EventRecord } from './event-record.ts';
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
  /** How much of addresses is written down. */
  detail: AddressDetail;
  readonly #guard: FloodGuard;

  constructor(log: Log, detail: AddressDetail, now: Instant) {
    this.#log = log;
    this.detail = detail;
    this.#guard = new FloodGuard(now);
  }

  write(record: EventRecord, now: Instant): void {
    switch (record.kind) {
      case 'allocation-created': {
        const { relayed, lifetimeSeconds } = record;
        const facts = { event: record.kind, ...this.#identity(record.allocation), relayed, lifetimeSeconds };
        this.#log.info(facts, `allocated ${relayed.join(' and ')}`);
        return;
      }
      case 'allocation-ended': {
        const { reason, seconds, fromClient, toClient } = record;
        const facts = {
          event: record.kind,
          ...this.#identity(record.allocation),
          reason,
          seconds,
          fromClient,
          toClient,
        };
        this.#log.info(facts, `allocation ended after ${seconds} s: ${reason}`);
        return;
      }
      case 'admission-unused':
        return;
      case 'request-refused':
        this.#refused(record, now);
    }
  }

  #identity({ id, user, label, client, transport }: AllocationRecord): object {
    return { allocation: id, user, label, client: this.#address(client), transport };
  }

  #refused(record: Extract<EventRecord, { kind: 'request-refused' }>, now: Instant): void {
    const { code, why, username, client, peer, omitted } = record;
    // A stale nonce is everyday life: every client that stays long enough meets one.
    const level = code === ErrorCode.staleNonce ? 'debug' : 'warn';
    const suppressed = this.#guard.admit(now, omitted);
    if (suppressed === undefined) return;
    const method = methodName(record.method);
    const facts = {
      event: record.kind,
      method,
      code,
      why,
      username,
      client: this.#address(client),
      peer: peer && displayHost(IpAddress.parse(peer)!, this.detail),
      suppressed,
    };
    this.#log[level](facts, `refused ${method} with ${code}: ${why}`);
  }

  #address({ ip, port }: AddressRecord): string {
    return displayAddress({ ip: IpAddress.parse(ip)!, port }, this.detail);
  }
}
