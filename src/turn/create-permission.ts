import { readXorAddress } from '../stun/attributes/address.ts';
import type { IpAddress } from '../stun/ip-address.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { Allocation } from './allocation.ts';
import { Drop } from './drop-reason.ts';
import { mayPermit, newPeersOf } from './peer-admission.ts';
import { type AuthenticatedRequest, answerContext, type Refusal, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';

/** Gives permissions to several peers at once: to all of them, or to none (RFC 8656 §10.2). */
export function createPermission(
  state: ServerState,
  request: AuthenticatedRequest,
  allocation: Allocation,
): Refusal | undefined {
  const { message, time } = request;
  const peers: IpAddress[] = [];
  for (let i = message.find(Attribute.xorPeerAddress); i >= 0; i = message.find(Attribute.xorPeerAddress, i + 1)) {
    const peer = readXorAddress(message, i);
    if (peer === undefined) return refuse(ErrorCode.badRequest, 'XOR-PEER-ADDRESS is malformed');
    peers.push(peer.ip);
  }
  if (peers.length === 0) return refuse(ErrorCode.badRequest, 'XOR-PEER-ADDRESS is missing');

  for (const peer of peers) {
    const refusal = mayPermit(state, allocation, peer);
    if (refusal !== undefined) return refusal;
  }
  const newPeers = newPeersOf(state, allocation, peers);
  if (allocation.permissions.size + newPeers > state.options.limits.permissionsPerAllocation) {
    return refuse(ErrorCode.insufficientCapacity, 'the allocation has as many permissions as it may');
  }
  // Over the rate the request is dropped: the client's retransmission finds room (a refusal would end its ICE check).
  if (!allocation.newPeers.take(newPeers, time.instant)) {
    state.drop(Drop['new-peer-rate']);
    return undefined;
  }
  for (const peer of peers) state.permit(allocation.relayedAddress(peer.family)!, peer, time.instant);
  succeed(state, answerContext(request, request.authenticated));
  return undefined;
}
