import { writeAddress } from '../stun/attributes/address.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { encodePasswordAlgorithms } from '../stun/attributes/password-algorithms.ts';
import { writeText } from '../stun/attributes/text.ts';
import { writeUnknownAttributes } from '../stun/attributes/unknown-attributes.ts';
import { writeFingerprint } from '../stun/fingerprint.ts';
import { writeIntegrity } from '../stun/integrity.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { StunMessage } from '../stun/message.ts';
import type { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, ErrorCode, MessageClass } from '../stun/protocol.ts';
import type { Authenticated } from './allocation.ts';
import type { Listener } from './five-tuple.ts';
import type { ServerState } from './server-state.ts';
import type { Time } from './time.ts';

/** One request that is being answered. */
export interface Request {
  /** The message in place: it holds until the handler returns. */
  readonly message: StunMessage;
  readonly listener: Listener;
  readonly client: TransportAddress;
  readonly time: Time;
  /** An RFC 3489 message, without the magic cookie. */
  readonly classic?: boolean;
}

/** A request whose sender has proved to know a credential (RFC 8489 §9.2.4). */
export interface AuthenticatedRequest extends Request {
  readonly authenticated: Authenticated;
}

/** An error answer: which code, and what to tell the operator about it. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly why: string;
  /** The peer that it is about. Logs decide how much of it they show, so `why` does not name it. */
  readonly peer?: IpAddress;
  /** The list that goes with 420. */
  readonly unknownAttributes?: readonly number[];
  /** Where to go instead, with 300. */
  readonly alternateServer?: TransportAddress;
}

export function refuse(code: ErrorCode, why: string): Refusal {
  return { code, why };
}

/** The answer to a first request without credentials: it is how every client begins, and no failure. */
export const challenge: Refusal = refuse(ErrorCode.unauthenticated, 'no credentials yet');

/** What outlives a request whose answer has to wait for a socket. */
export interface AnswerContext {
  readonly listener: Listener;
  readonly client: TransportAddress;
  readonly method: number;
  readonly transactionId: Buffer;
  readonly fingerprint: boolean;
  readonly authenticated: Authenticated | undefined;
}

export function answerContext(request: Request, authenticated: Authenticated | undefined): AnswerContext {
  return {
    listener: request.listener,
    client: request.client,
    method: request.message.method,
    transactionId: Buffer.from(request.classic ? request.message.classicTransactionId : request.message.transactionId),
    fingerprint: request.message.has(Attribute.fingerprint),
    authenticated,
  };
}

/** Sends a success answer; `write` adds the attributes of the method. Returns the bytes that were sent. */
export function succeed(
  state: ServerState,
  context: AnswerContext,
  write: (writer: MessageWriter) => void = () => {},
): Buffer {
  state.writer.begin(MessageClass.success, context.method, context.transactionId);
  write(state.writer);
  state.counters.succeed(context.method);
  return send(state, context);
}

/**
 * Sends an error answer. This is the one place that decides which errors carry a realm and a nonce (RFC 8489 §9.2.4)
 * and which are signed.
 */
export function fail(state: ServerState, context: AnswerContext, refusal: Refusal, time: Time): void {
  const { writer } = state;
  writer.begin(MessageClass.error, context.method, context.transactionId);
  writeErrorCode(writer, refusal.code);
  if (refusal.unknownAttributes !== undefined) writeUnknownAttributes(writer, refusal.unknownAttributes);
  if (refusal.alternateServer !== undefined) writeAddress(writer, Attribute.alternateServer, refusal.alternateServer);
  if (refusal.code === ErrorCode.unauthenticated || refusal.code === ErrorCode.staleNonce) {
    const { ip, port } = context.client;
    writeText(writer, Attribute.realm, state.options.realm);
    writeText(writer, Attribute.nonce, state.nonces.issue(ip, port, time.unix));
    writer.attribute(Attribute.passwordAlgorithms, offeredAlgorithms(state));
  }
  if (refusal === challenge) state.counters.challenge();
  else state.counters.fail(refusal.code);
  send(state, context);
}

/** The value of PASSWORD-ALGORITHMS that this server sends and wants to see again unchanged. */
export function offeredAlgorithms(state: ServerState): Buffer {
  return state.options.requireSha256 ? onlySha256 : sha256AndMd5;
}

const onlySha256 = encodePasswordAlgorithms([PasswordAlgorithm.sha256]);
const sha256AndMd5 = encodePasswordAlgorithms([PasswordAlgorithm.sha256, PasswordAlgorithm.md5]);

function send(state: ServerState, context: AnswerContext): Buffer {
  const { writer } = state;
  const { authenticated, listener, client } = context;
  if (authenticated !== undefined) writeIntegrity(writer, authenticated.integrity, authenticated.credential.key);
  if (context.fingerprint) writeFingerprint(writer);
  const bytes = writer.finish();
  state.emit({ kind: 'transmit', listener, client, bytes });
  return bytes;
}
