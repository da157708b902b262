import { IpAddress } from '../stun/ip-address.ts';
import { type AddressDetail, displayAddress } from '../telemetry/address-display.ts';
import type { AllocationRecord, EventRecord } from '../telemetry/event-record.ts';

export type WebhookEventName = 'allocation-created' | 'allocation-ended' | 'budget-reached';

/** A key has used up its bytes of a day or of a month. */
export interface BudgetReached {
  readonly kind: 'budget-reached';
  /** The id of the API key. */
  readonly key: string;
  readonly period: 'day' | 'month';
  /** Payload bytes so far in the period. */
  readonly bytes: number;
}

/** What may be told. */
export type WebhookEvent = Extract<EventRecord, { kind: 'allocation-created' | 'allocation-ended' }> | BudgetReached;

/** What a message is about: those about the same thing are told in order. */
export function subjectOf(event: WebhookEvent): string {
  return event.kind === 'budget-reached' ? `key ${event.key}` : `allocation ${event.allocation.id}`;
}

/** The `data` of a message. Facts that there are none of are left out. */
export function dataOf(event: WebhookEvent, detail: AddressDetail): object {
  switch (event.kind) {
    case 'allocation-created': {
      const { allocation, relayed, lifetimeSeconds } = event;
      return { ...identity(allocation, detail), relayed, lifetimeSeconds };
    }
    case 'allocation-ended': {
      const { allocation, reason, seconds, fromClient, toClient } = event;
      return { ...identity(allocation, detail), reason, seconds, fromClient, toClient };
    }
    case 'budget-reached': {
      const { key, period, bytes } = event;
      return { key, period, bytes };
    }
  }
}

function identity({ id, user, label, issuer, client, transport }: AllocationRecord, detail: AddressDetail): object {
  const address = displayAddress({ ip: IpAddress.parse(client.ip)!, port: client.port }, detail);
  return { allocation: id, user, label, key: issuer, client: address, transport };
}
