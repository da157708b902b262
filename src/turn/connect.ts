import { readXorAddress } from '../stun/attributes/address.ts';
import { writeConnectionId } from '../stun/attributes/allocation.ts';
import { sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { Allocation, RelayedAddress } from './allocation.ts';
import { Drop } from './drop-reason.ts';
import { mayPermit } from './peer-admission.ts';
import {
  CONNECTION_TIMEOUT_MS,
  CONNECTIONS_PER_ALLOCATION,
  PENDING_CONNECTIONS,
  PeerConnection,
} from './peer-connection.ts';
import { type AuthenticatedRequest, answerContext, fail, type Refusal, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';
import { after, type Time } from './time.ts';

/** Connects to a peer over TCP (RFC 6062 §5.2). The answer goes out when the peer has accepted, or not in 30 s. */
export function connect(
  state: ServerState,
  request: AuthenticatedRequest,
  allocation: Allocation,
): Refusal | undefined {
  if (allocation.transport !== 'tcp') return refuse(ErrorCode.allocationMismatch, 'the allocation is not one for TCP');
  const index = request.message.find(Attribute.xorPeerAddress);
  const peer = index < 0 ? undefined : readXorAddress(request.message, index);
  if (peer === undefined) return refuse(ErrorCode.badRequest, 'XOR-PEER-ADDRESS is missing or malformed');
  const refusal = mayPermit(state, allocation, peer.ip) ?? tooMany(allocation);
  if (refusal !== undefined) return refusal;
  for (const connection of allocation.connections) {
    if (connection.peer.port === peer.port && sameAddress(connection.peer.ip, peer.ip)) {
      if (isRepeated(state, request, connection)) {
        state.drop(Drop['request-in-progress']);
        return undefined;
      }
      return refuse(ErrorCode.connectionAlreadyExists, 'there is a connection to this peer already');
    }
  }
  const relayed = allocation.relayedAddress(peer.ip.family)!;
  const target = reach(state, relayed, peer);
  if (target === undefined) return refuse(ErrorCode.forbidden, `nothing is to be reached at port ${peer.port} there`);

  const connection = new PeerConnection(state.takeConnectionId(), allocation, relayed, peer, target);
  state.addConnection(connection, after(request.time.instant, CONNECTION_TIMEOUT_MS));
  state.pendingConnects.set(connection, answerContext(request, request.authenticated));
  state.emit({ kind: 'connect-peer', connection });
  return undefined;
}

/** The peer has accepted: the client has 30 s to bind the connection (RFC 6062 §5.2). */
export function peerConnected(state: ServerState, connection: PeerConnection, time: Time): void {
  const context = state.pendingConnects.get(connection);
  if (context === undefined || connection.state !== 'connecting') return;
  state.pendingConnects.delete(connection);
  connection.state = 'waiting';
  state.deadlines.set(connection.deadline, after(time.instant, CONNECTION_TIMEOUT_MS));
  succeed(state, context, (writer) => writeConnectionId(writer, connection.id));
}

/** The peer refused, did not answer, or has closed; a client that still waits for it gets 447. */
export function peerGone(state: ServerState, connection: PeerConnection, time: Time): void {
  const context = state.pendingConnects.get(connection);
  state.closeConnection(connection);
  if (context === undefined) return;
  fail(state, context, refuse(ErrorCode.connectionTimeoutOrFailure, 'the peer cannot be reached'), time);
}

/** Whether this is the same Connect again, whose answer is still to come. */
function isRepeated(state: ServerState, { message }: AuthenticatedRequest, connection: PeerConnection): boolean {
  return state.pendingConnects.get(connection)?.transactionId.equals(message.transactionId) === true;
}

/** Whether an allocation has as many connections as it may. */
export function tooMany(allocation: Allocation): Refusal | undefined {
  let pending = 0;
  for (const connection of allocation.connections) if (connection.state !== 'bound') pending++;
  return pending >= PENDING_CONNECTIONS || allocation.connections.size >= CONNECTIONS_PER_ALLOCATION
    ? refuse(ErrorCode.insufficientCapacity, 'the allocation has as many connections as it may')
    : undefined;
}

/**
 * Where a connection to this peer leads: a live TCP relay of this server is reached inside the machine, other ports of its
 * own addresses and its listening ports not at all.
 */
function reach(state: ServerState, from: RelayedAddress, peer: TransportAddress): TransportAddress | undefined {
  const { policy } = state.options;
  const verdict = policy.judge(peer.ip);
  if (verdict.own) {
    const relay = state.liveRelay(from.family, peer.port);
    if (relay?.transport === 'tcp') return relay.local;
  }
  return verdict.reachable && !policy.isOwnService(peer.ip, peer.port) ? peer : undefined;
}
