import type { TransportAddress } from '../stun/ip-address.ts';
import type { PasswordAlgorithm } from '../stun/long-term-key.ts';
import { ErrorCode, MessageClass, Method } from '../stun/protocol.ts';
import { type AllocateOptions, readAllocateSuccess, writeAllocate } from './allocate-request.ts';
import { AuthenticatedRequests } from './authenticated-requests.ts';
import { type Challenge, type LongTermCredentials, readChallenge } from './long-term-authentication.ts';
import type { MessageSocket } from './message-socket.ts';
import { type ClientTransport, type OpenOptions, openSocket } from './open-socket.ts';
import { isErrorResponse, type RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { type BindingAnswer, errorResponse, StunClient, type StunClientOptions } from './stun-client.ts';
import type { TransportError } from './transport-error.ts';
import { TurnAllocation } from './turn-allocation.ts';

/** Which server a client talks to, and as whom. */
export interface TurnClientOptions extends StunClientOptions {
  readonly server: TransportAddress;
  /** Without them a server that asks for some answers 401. */
  readonly credentials?: LongTermCredentials;
  /** The password algorithms to admit to; all that the client knows when left out. */
  readonly passwordAlgorithms?: readonly PasswordAlgorithm[];
}

/** What a server says to an Allocate request without credentials. */
export type AllocateChallenge =
  | { readonly kind: 'challenged'; readonly challenge: Challenge; readonly elapsedMs: number }
  /** It relays for anybody. */
  | { readonly kind: 'open'; readonly allocation: TurnAllocation; readonly elapsedMs: number };

/**
 * A client of one TURN server on one socket, which is one five-tuple and so one allocation at a time (RFC 8656 §5).
 *
 * @example
 * const client = await openTurnClient({ server, credentials: { username, password } });
 * if (!client.ok) return;
 * const allocation = await client.value.allocate();
 * if (allocation.ok) {
 *   await allocation.value.createPermission([peer]);
 *   allocation.value.send(peer, Buffer.from('hello'));
 *   await allocation.value.close();
 * }
 * client.value.close();
 */
export class TurnClient {
  readonly stun: StunClient;
  readonly server: TransportAddress;
  /** Requests with this client's credentials; for what has no method of its own here. */
  readonly requests: AuthenticatedRequests;

  constructor(socket: MessageSocket, options: TurnClientOptions) {
    this.stun = new StunClient(socket, options);
    this.server = options.server;
    this.requests = new AuthenticatedRequests(
      this.stun,
      options.server,
      options.credentials,
      options.passwordAlgorithms,
    );
  }

  /** A Binding request to the TURN server. */
  binding(): Promise<Result<BindingAnswer, RequestFailure>> {
    return this.stun.binding(this.server);
  }

  /** Asks for an allocation without credentials, to see whether and how the server asks for some. */
  async challenge(options: AllocateOptions = {}): Promise<Result<AllocateChallenge, RequestFailure>> {
    const answer = await this.stun.request(this.server, Method.allocate, (writer) => writeAllocate(writer, options));
    if (!answer.ok) return answer;
    const { message, elapsedMs } = answer.value;
    if (message.messageClass === MessageClass.success) {
      const granted = readAllocateSuccess(message);
      if (!granted.ok) return granted;
      const allocation = new TurnAllocation(this.stun, this.requests, granted.value, options.lifetimeSeconds);
      return success({ kind: 'open', allocation, elapsedMs });
    }
    const error = errorResponse(message, false);
    if (!isErrorResponse(error, ErrorCode.unauthenticated)) return failure(error);
    const challenge = readChallenge(message);
    return challenge.ok ? success({ kind: 'challenged', challenge: challenge.value, elapsedMs }) : challenge;
  }

  /**
   * Asks for a relayed address (RFC 8656 §7).
   *
   * Of the failures, `error-response` 437 means that the server still has an allocation for this address and port, and 300 names
   * another server in `alternateServer`. Neither is dealt with here: a client has one server and one port. `openAllocation`
   * takes another port, and follows.
   */
  async allocate(options: AllocateOptions = {}): Promise<Result<TurnAllocation, RequestFailure>> {
    const answer = await this.requests.request(Method.allocate, (writer) => writeAllocate(writer, options));
    if (!answer.ok) return answer;
    const granted = readAllocateSuccess(answer.value.message);
    if (!granted.ok) return granted;
    return success(new TurnAllocation(this.stun, this.requests, granted.value, options.lifetimeSeconds));
  }

  /** Ends requests under way and closes the socket. An allocation that was not closed stays until the server drops it. */
  close(): void {
    this.stun.close();
  }
}

/** How to reach a server, and as whom. */
export interface OpenTurnClientOptions extends TurnClientOptions, OpenOptions {
  /** UDP when left out. */
  readonly transport?: ClientTransport;
}

/** Opens a socket that is connected to the server, and a {@link TurnClient} on it. */
export async function openTurnClient(options: OpenTurnClientOptions): Promise<Result<TurnClient, TransportError>> {
  const socket = await openSocket(options.server, options.transport ?? { kind: 'udp' }, options);
  return socket.ok ? success(new TurnClient(socket.value, options)) : socket;
}
