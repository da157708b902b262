import type { IpAddress } from '../stun/ip-address.ts';
import { ErrorCode } from '../stun/protocol.ts';
import type { Allocation } from './allocation.ts';
import type { Refusal } from './request.ts';
import type { ServerState } from './server-state.ts';

/** Whether a client may be given a permission for this peer: its family first (443), then the peer policy (403). */
export function mayPermit(state: ServerState, allocation: Allocation, peer: IpAddress): Refusal | undefined {
  if (allocation.relayedAddress(peer.family) === undefined) {
    return { code: ErrorCode.peerAddressFamilyMismatch, why: 'no relayed address of the family of the peer', peer };
  }
  const verdict = state.options.policy.judge(peer);
  return verdict.reachable || verdict.own
    ? undefined
    : { code: ErrorCode.forbidden, why: 'the peer is in a denied range', peer };
}

/** How many of these peers have no permission yet. */
export function newPeersOf(state: ServerState, allocation: Allocation, peers: readonly IpAddress[]): number {
  const unknown = peers.filter((peer) => {
    const relayed = allocation.relayedAddress(peer.family);
    return relayed !== undefined && state.permissions.get(relayed.id, peer, 0) === undefined;
  });
  return new Set(unknown.map((peer) => peer.text)).size;
}
