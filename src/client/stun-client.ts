import { randomBytes } from 'node:crypto';
import { readAddress, readXorAddress } from '../stun/attributes/address.ts';
import { readErrorCode } from '../stun/attributes/error-code.ts';
import { readText } from '../stun/attributes/text.ts';
import { readUnknownAttributes } from '../stun/attributes/unknown-attributes.ts';
import { isChannelData } from '../stun/channel-data.ts';
import { fingerprintHolds } from '../stun/fingerprint.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../stun/message.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, ErrorCode, MessageClass, Method } from '../stun/protocol.ts';
import { type Clock, systemClock } from './clock.ts';
import type { MessageSocket } from './message-socket.ts';
import type { ErrorResponse, RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { type RetransmissionProfile, standardRetransmission } from './retransmission.ts';
import { type Answer, type TransactionRequest, Transactions } from './transactions.ts';
import type { TransportError } from './transport-error.ts';

/** What a client goes by; all of it has a default. */
export interface StunClientOptions {
  readonly clock?: Clock;
  readonly retransmission?: RetransmissionProfile;
  /** Where transaction ids come from; tests may want the same ones every time. */
  readonly random?: (bytes: number) => Uint8Array;
}

/** How one request is sent, and which answers count. */
export interface RequestOptions extends Pick<TransactionRequest, 'fromAnywhere' | 'trusts'> {
  readonly retransmission?: RetransmissionProfile;
}

/** What a server says to a Binding request. */
export interface BindingAnswer {
  /** The client's address as the server sees it: the server-reflexive one behind a NAT. */
  readonly mappedAddress: TransportAddress;
  /** Where the answer came from. */
  readonly from: TransportAddress;
  /** See {@link Answer.elapsedMs}. */
  readonly elapsedMs: number;
  readonly sends: number;
  readonly message: StunMessage;
}

/**
 * A STUN client on one socket (RFC 8489): it sends requests to any server and hands on what is no answer to one.
 *
 * @example
 * const client = new StunClient(socket);
 * const answer = await client.binding(server);
 * if (answer.ok) console.log(formatTransportAddress(answer.value.mappedAddress));
 */
export class StunClient {
  readonly socket: MessageSocket;
  readonly clock: Clock;
  /** Called for ChannelData, indications and whatever else is no answer to a request of ours. */
  onOther: (bytes: Buffer, from: TransportAddress) => void = () => {};
  /** Called, after requests under way were ended, when the system reports an error of the socket. */
  onSocketError: (error: TransportError) => void = () => {};

  readonly #transactions: Transactions;
  readonly #retransmission: RetransmissionProfile;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #received = new StunMessage();
  readonly #writer = new MessageWriter();

  constructor(socket: MessageSocket, options: StunClientOptions = {}) {
    this.socket = socket;
    this.clock = options.clock ?? systemClock;
    this.#retransmission = options.retransmission ?? standardRetransmission;
    this.#random = options.random ?? randomBytes;
    this.#transactions = new Transactions(socket, this.clock);
    socket.onMessage = (bytes, from) => this.#receive(bytes, from);
    socket.onError = (error) => {
      this.#transactions.socketFailed(error);
      this.onSocketError(error);
    };
  }

  /** Asks a server under which address it sees this socket (RFC 8489 §2). */
  async binding(
    server: TransportAddress,
    write: (writer: MessageWriter) => void = () => {},
    options: RequestOptions = {},
  ): Promise<Result<BindingAnswer, RequestFailure>> {
    const answer = await this.request(server, Method.binding, write, options);
    if (!answer.ok) return answer;
    const { message, from, elapsedMs, sends } = answer.value;
    if (message.messageClass === MessageClass.error) return failure(errorResponse(message, false));
    const mappedAddress = mappedAddressOf(message);
    if (!mappedAddress) return failure({ kind: 'malformed-response', missing: Attribute.xorMappedAddress });
    return success({ mappedAddress, from, elapsedMs, sends, message });
  }

  /** Sends any request and waits for its answer, which may be an error response. */
  request(
    to: TransportAddress,
    method: number,
    write: (writer: MessageWriter) => void,
    options: RequestOptions = {},
  ): Promise<Result<Answer, RequestFailure>> {
    const writer = this.#writer.begin(MessageClass.request, method, this.#random(12));
    write(writer);
    const { retransmission = this.#retransmission, ...rest } = options;
    return this.#transactions.request({ bytes: writer.finish(), to, retransmission, ...rest });
  }

  /** Sends an indication: nothing answers it. */
  indication(to: TransportAddress, method: number, write: (writer: MessageWriter) => void): void {
    const writer = this.#writer.begin(MessageClass.indication, method, this.#random(12));
    write(writer);
    this.socket.send(writer.finish(), to);
  }

  /** Ends requests under way and closes the socket. */
  close(): void {
    this.#transactions.close();
    this.socket.close();
  }

  #receive(bytes: Buffer, from: TransportAddress): void {
    const received = this.#received;
    const isAnswer =
      bytes.length > 0 &&
      !isChannelData(bytes[0]!) &&
      received.read(bytes, 0, bytes.length) === ReadResult.ok &&
      (received.messageClass === MessageClass.success || received.messageClass === MessageClass.error) &&
      this.#transactions.accepts(received);
    if (!isAnswer) {
      this.onOther(bytes, from);
      return;
    }
    if (!fingerprintHolds(received)) return;
    // The shared reader is refilled for the next datagram, an answer is kept.
    const message = new StunMessage();
    message.read(bytes, 0, bytes.length);
    this.#transactions.answer(message, from);
  }
}

/** Reads an error response. One without a readable ERROR-CODE counts as malformed. */
export function errorResponse(message: StunMessage, authenticated: boolean): ErrorResponse | RequestFailure {
  const index = message.find(Attribute.errorCode);
  const error = index < 0 ? undefined : readErrorCode(message, index);
  if (!error) return { kind: 'malformed-response', missing: Attribute.errorCode };
  const redirects = error.code === ErrorCode.tryAlternate;
  const alternateServer = redirects ? readIfPresent(message, Attribute.alternateServer, readAddress) : undefined;
  const alternateDomain = redirects ? readIfPresent(message, Attribute.alternateDomain, readText) : undefined;
  const unknownAttributes =
    error.code === ErrorCode.unknownAttribute
      ? readIfPresent(message, Attribute.unknownAttributes, readUnknownAttributes)
      : undefined;
  return {
    kind: 'error-response',
    ...error,
    authenticated,
    ...(alternateServer && { alternateServer }),
    ...(alternateDomain !== undefined && { alternateDomain }),
    ...(unknownAttributes && { unknownAttributes }),
  };
}

/** The first attribute of a type as its reader has it; `undefined` when it is missing or malformed. */
export function readIfPresent<T>(
  message: StunMessage,
  type: number,
  read: (message: StunMessage, index: number) => T | undefined,
): T | undefined {
  const index = message.find(type);
  return index < 0 ? undefined : read(message, index);
}

function mappedAddressOf(message: StunMessage): TransportAddress | undefined {
  return (
    readIfPresent(message, Attribute.xorMappedAddress, readXorAddress) ??
    // What servers from before RFC 5389 send.
    readIfPresent(message, Attribute.mappedAddress, readAddress)
  );
}
