import { readConnectionId } from '../stun/attributes/allocation.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { PeerConnection } from './peer-connection.ts';
import { type AuthenticatedRequest, answerContext, type Refusal, type Request, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';

/** The connection that a ConnectionBind names, if it waits to be bound. */
export function connectionToBind(state: ServerState, { message }: Request): PeerConnection | undefined {
  const index = message.find(Attribute.connectionId);
  const id = index < 0 ? undefined : readConnectionId(message, index);
  const connection = id === undefined ? undefined : state.connections.get(id);
  return connection?.state === 'waiting' ? connection : undefined;
}

/** Joins the client's new connection, on which this request came, with a peer's (RFC 6062 §5.4). */
export function connectionBind(
  state: ServerState,
  request: AuthenticatedRequest,
  connection: PeerConnection | undefined,
): Refusal | undefined {
  const { listener, client } = request;
  if (listener.transport === 'udp') return refuse(ErrorCode.badRequest, 'ConnectionBind needs a TCP connection');
  if (state.allocations.get(listener.id, client.ip, client.port) !== undefined) {
    return refuse(ErrorCode.badRequest, 'ConnectionBind on the control connection');
  }
  if (connection === undefined) return refuse(ErrorCode.badRequest, 'CONNECTION-ID names no connection that waits');
  if (connection.allocation.authenticated.username !== request.authenticated.username) {
    return refuse(ErrorCode.wrongCredentials, 'the connection belongs to another user name');
  }
  connection.state = 'bound';
  state.deadlines.clear(connection.deadline);
  succeed(state, answerContext(request, request.authenticated));
  state.emit({ kind: 'join-connection', connection, listener });
  return undefined;
}
