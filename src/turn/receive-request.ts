import { Attribute, ErrorCode, Method } from '../stun/protocol.ts';
import { allocate } from './allocate.ts';
import type { Allocation } from './allocation.ts';
import { authenticate } from './authentication.ts';
import { binding } from './binding.ts';
import { channelBind } from './channel-bind.ts';
import { connect } from './connect.ts';
import { connectionBind, connectionToBind } from './connection-bind.ts';
import { createPermission } from './create-permission.ts';
import { Drop } from './drop-reason.ts';
import { unknownAttributes } from './known-attributes.ts';
import { refresh } from './refresh.ts';
import {
  type AuthenticatedRequest,
  answerContext,
  challenge,
  fail,
  type Refusal,
  type Request,
  refuse,
} from './request.ts';
import type { ServerState } from './server-state.ts';

/** The methods that work on an allocation that is there already. */
const allocationMethods = new Map<
  number,
  (state: ServerState, request: AuthenticatedRequest, allocation: Allocation) => Refusal | undefined
>([
  [Method.refresh, refresh],
  [Method.createPermission, createPermission],
  [Method.channelBind, channelBind],
  [Method.connect, connect],
]);

/** What a Binding request may hold where NAT behaviour discovery works (RFC 5780 §7). */
const discoveryAttributes: ReadonlySet<number> = new Set([
  Attribute.changeRequest,
  Attribute.responsePort,
  Attribute.padding,
]);

/** Answers a request, or drops it (RFC 8489 §6.3.1, §9.2.4). */
export function receiveRequest(state: ServerState, request: Request): void {
  const { message } = request;
  if (message.method === Method.binding) {
    answerUnauthenticated(state, request, () => receiveBinding(state, request));
    return;
  }
  if (message.method === Method.connectionBind) {
    receiveConnectionBind(state, request);
    return;
  }
  if (message.method !== Method.allocate && !allocationMethods.has(message.method)) {
    state.drop(Drop['unknown-method']);
    return;
  }
  const { listener, client, time } = request;
  const allocation = state.allocations.get(listener.id, client.ip, client.port);
  const result = authenticate(state, request, allocation);
  if (!result.ok) {
    answerUnauthenticated(state, request, () =>
      answerRefusal(state, request, undefined, result.refusal, result.username),
    );
    return;
  }
  // Written out, since a spread costs ten times as much.
  const authenticated = { message, listener, client, time, authenticated: result.authenticated };
  const refusal = receiveAuthenticated(state, authenticated, allocation);
  if (refusal !== undefined) answerRefusal(state, request, authenticated, refusal, result.authenticated.username);
}

function receiveBinding(state: ServerState, request: Request): void {
  const { listener, message } = request;
  const discovers = listener.transport === 'udp' && state.natDiscovery?.alternates(listener.local) !== undefined;
  const unknown = unknownAttributes(message, state.options, discovers ? discoveryAttributes : undefined);
  const refusal = unknown.length > 0 ? refuseUnknown(unknown) : binding(state, request);
  if (refusal !== undefined) answerRefusal(state, request, undefined, refusal);
}

/** The request comes on a new connection: whose it is follows from the connection that it names. */
function receiveConnectionBind(state: ServerState, request: Request): void {
  const connection = connectionToBind(state, request);
  const result = authenticate(state, request, connection?.allocation);
  if (!result.ok) {
    answerUnauthenticated(state, request, () =>
      answerRefusal(state, request, undefined, result.refusal, result.username),
    );
    return;
  }
  const authenticated = { ...request, authenticated: result.authenticated };
  const unknown = unknownAttributes(request.message, state.options);
  const refusal = unknown.length > 0 ? refuseUnknown(unknown) : connectionBind(state, authenticated, connection);
  if (refusal !== undefined) answerRefusal(state, request, authenticated, refusal, result.authenticated.username);
}

function receiveAuthenticated(
  state: ServerState,
  request: AuthenticatedRequest,
  allocation: Allocation | undefined,
): Refusal | undefined {
  const unknown = unknownAttributes(request.message, state.options);
  if (unknown.length > 0) return refuseUnknown(unknown);
  const method = allocationMethods.get(request.message.method);
  if (method === undefined) return allocate(state, request, allocation);
  if (allocation === undefined) {
    return refuse(ErrorCode.allocationMismatch, 'there is no allocation on this five-tuple');
  }
  // RFC 8656 §5: whoever made an allocation is the only one who may use it.
  if (allocation.authenticated.username !== request.authenticated.username) {
    return refuse(ErrorCode.wrongCredentials, 'the allocation belongs to another user name');
  }
  if (allocation.answer === undefined) {
    state.drop(Drop['request-in-progress']);
    return undefined;
  }
  return method(state, request, allocation);
}

/** Answers a source that has proved nothing, unless it has had its share of answers. */
function answerUnauthenticated(state: ServerState, request: Request, answer: () => void): void {
  const { ip } = request.client;
  if (state.isKnownClient(ip) || state.answerAllowance.admit(ip, request.time.instant)) answer();
  else state.drop(Drop['answer-allowance']);
}

function answerRefusal(
  state: ServerState,
  request: Request,
  authenticated: AuthenticatedRequest | undefined,
  refusal: Refusal,
  username?: string,
): void {
  fail(state, answerContext(request, authenticated?.authenticated), refusal, request.time);
  if (refusal === challenge) return;
  const { code, why, peer } = refusal;
  state.event({
    kind: 'request-refused',
    method: request.message.method,
    code,
    why,
    client: request.client,
    username,
    peer,
  });
}

function refuseUnknown(types: readonly number[]): Refusal {
  const why = `unknown comprehension-required attributes: ${types.map((type) => `0x${type.toString(16)}`).join(', ')}`;
  return { code: ErrorCode.unknownAttribute, why, unknownAttributes: types };
}
