import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { Allocation, EndReason } from '../turn/allocation.ts';
import type { Traffic } from '../turn/counters.ts';
import type { ClientTransport } from '../turn/five-tuple.ts';
import type { ServerEvent } from '../turn/output.ts';

/** An address and a port, in full: how much of it is shown is decided where it is shown. */
export interface AddressRecord {
  readonly ip: string;
  readonly port: number;
}

/** Whose allocation it is. */
export interface AllocationRecord {
  readonly id: string;
  readonly user: string;
  readonly label: string | undefined;
  /** The id of the API key that issued the credential. */
  readonly issuer: string | undefined;
  readonly client: AddressRecord;
  readonly transport: ClientTransport;
}

/** What is to be known of a {@link ServerEvent}, as plain data that may be sent to another thread or kept. */
export type EventRecord =
  | {
      readonly kind: 'allocation-created';
      readonly allocation: AllocationRecord;
      readonly relayed: readonly string[];
      readonly lifetimeSeconds: number;
    }
  | {
      readonly kind: 'allocation-ended';
      readonly allocation: AllocationRecord;
      readonly reason: EndReason;
      /** How long it lived, in whole seconds. */
      readonly seconds: number;
      readonly fromClient: Traffic;
      readonly toClient: Traffic;
    }
  | { readonly kind: 'admission-unused'; readonly id: string }
  | {
      readonly kind: 'request-refused';
      readonly method: number;
      readonly code: number;
      readonly why: string;
      readonly client: AddressRecord;
      readonly username: string | undefined;
      readonly peer: string | undefined;
      /** How many refusals before this one are not told of, because there are so many. */
      readonly omitted: number;
    };

/** Writes an event down while the objects that it is about are still what they were. */
export function describeEvent(event: ServerEvent, omitted = 0): EventRecord {
  switch (event.kind) {
    case 'allocation-created': {
      const { kind, allocation, lifetimeSeconds } = event;
      const relayed = allocation.relayedAddresses.map(({ external }) => formatTransportAddress(external));
      return { kind, allocation: describeAllocation(allocation), relayed, lifetimeSeconds };
    }
    case 'allocation-ended': {
      const { kind, allocation, reason, at } = event;
      return {
        kind,
        allocation: describeAllocation(allocation),
        reason,
        seconds: Math.round((at - allocation.createdAt) / 1000),
        fromClient: describeTraffic(allocation.fromClient),
        toClient: describeTraffic(allocation.toClient),
      };
    }
    case 'admission-unused':
      return event;
    case 'request-refused': {
      const { kind, method, code, why, client, username, peer } = event;
      return { kind, method, code, why, client: describeAddress(client), username, peer: peer?.text, omitted };
    }
  }
}

function describeAllocation({ id, user, authenticated, fiveTuple }: Allocation): AllocationRecord {
  const { label, issuer } = authenticated.credential;
  const { client, listener } = fiveTuple;
  return { id, user: user.id, label, issuer, client: describeAddress(client), transport: listener.transport };
}

function describeAddress({ ip, port }: TransportAddress): AddressRecord {
  return { ip: ip.text, port };
}

/** The live object goes on counting, and may be more than its two numbers. */
function describeTraffic({ packets, bytes }: Traffic): Traffic {
  return { packets, bytes };
}
