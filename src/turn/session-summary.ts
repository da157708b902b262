import { formatTransportAddress } from '../stun/ip-address.ts';
import type { Allocation } from './allocation.ts';
import type { Traffic } from './counters.ts';
import type { ClientTransport } from './five-tuple.ts';
import { type UnixSeconds, unixSeconds } from './time.ts';

/** What is told of a live allocation: plain data that may be sent to another thread. Addresses are text, in full. */
export interface SessionSummary {
  readonly id: string;
  /** Whom quotas count. */
  readonly user: string;
  /** What the issuer said the credential is for. */
  readonly label: string | undefined;
  readonly client: string;
  /** How the client reaches the server. */
  readonly transport: ClientTransport;
  /** The relayed addresses, as clients and peers are told them. */
  readonly relayed: readonly string[];
  readonly createdAt: UnixSeconds;
  /** When it ends unless it is refreshed; where its two relayed addresses differ, the later one. */
  readonly expiresAt: UnixSeconds;
  /** How many peer addresses it may exchange data with at this moment. */
  readonly permissions: number;
  readonly channels: number;
  /** Packets and payload bytes so far. */
  readonly fromClient: Traffic;
  readonly toClient: Traffic;
  /** Which server of the daemon has it. */
  readonly server: number;
}

/** Which sessions are wanted. */
export interface SessionQuery {
  readonly user?: string | undefined;
  /** Only those whose user begins so. */
  readonly userPrefix?: string | undefined;
  readonly label?: string | undefined;
  /** Only ids behind this one. */
  readonly after?: string | undefined;
  /** How many at most. */
  readonly limit: number;
}

/**
 * Finds allocations, ordered by id. An id is random and never changes, so whoever asks page by page, each time `after` the
 * last id, meets every allocation that lives throughout exactly once; and the pages of several servers can be merged.
 */
export function findSessions(allocations: Iterable<Allocation>, query: SessionQuery): Allocation[] {
  const { user, userPrefix = '', label, after = '', limit } = query;
  const found: Allocation[] = [];
  for (const allocation of allocations) {
    if (!isSession(allocation) || allocation.id <= after) continue;
    if (user !== undefined && allocation.user.id !== user) continue;
    if (!allocation.user.id.startsWith(userPrefix)) continue;
    if (label !== undefined && allocation.authenticated.credential.label !== label) continue;
    insert(found, allocation, limit);
  }
  return found;
}

/** Whether its client has been told of it: the sockets of a new allocation are opened first. */
export function isSession(allocation: Allocation): boolean {
  return allocation.answer !== undefined;
}

/** @param server the index of the server that has the allocation. */
export function summarizeSession(allocation: Allocation, server: number): SessionSummary {
  const { fiveTuple, createdAt, createdAtUnix, relayedAddresses, fromClient, toClient } = allocation;
  const endsAt = Math.max(...relayedAddresses.map(({ deadline }) => deadline.at));
  return {
    id: allocation.id,
    user: allocation.user.id,
    label: allocation.authenticated.credential.label,
    client: formatTransportAddress(fiveTuple.client),
    transport: fiveTuple.listener.transport,
    relayed: relayedAddresses.map(({ external }) => formatTransportAddress(external)),
    createdAt: createdAtUnix,
    expiresAt: unixSeconds(createdAtUnix + (endsAt - createdAt) / 1000),
    permissions: [...allocation.permissions].filter(({ active }) => active).length,
    channels: allocation.channels.size,
    fromClient: { packets: fromClient.packets, bytes: fromClient.bytes },
    toClient: { packets: toClient.packets, bytes: toClient.bytes },
    server,
  };
}

/** Keeps the `limit` lowest ids in their order. Sorting all of them would hold up the packets of a big server. */
function insert(found: Allocation[], allocation: Allocation, limit: number): void {
  if (found.length === limit && allocation.id > found[limit - 1]!.id) return;
  let low = 0;
  for (let high = found.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (found[middle]!.id < allocation.id) low = middle + 1;
    else high = middle;
  }
  found.splice(low, 0, allocation);
  if (found.length > limit) found.pop();
}
