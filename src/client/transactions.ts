import { readErrorCode, type StunError } from '../stun/attributes/error-code.ts';
import { sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { StunMessage } from '../stun/message.ts';
import { Attribute, MessageClass } from '../stun/protocol.ts';
import type { Clock, Timer } from './clock.ts';
import type { MessageSocket } from './message-socket.ts';
import type { RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { type RetransmissionProfile, reliableSchedule, retransmissionSchedule } from './retransmission.ts';
import { endsTransactions, type TransportError } from './transport-error.ts';

/** An answer to a request, success or error. */
export interface Answer {
  /** A message of its own, which stays as it is. */
  readonly message: StunMessage;
  readonly from: TransportAddress;
  /** Milliseconds from the first send to the answer. */
  readonly elapsedMs: number;
  /** How often the request had been sent by then: {@link elapsedMs} is a round-trip time only if once. */
  readonly sends: number;
}

export interface TransactionRequest {
  readonly bytes: Buffer;
  readonly to: TransportAddress;
  readonly retransmission: RetransmissionProfile;
  /** Whether the answer may come from elsewhere than {@link to}, as one to CHANGE-REQUEST does. */
  readonly fromAnywhere?: boolean;
  /** Says whether an answer can be trusted; one that cannot is as if it had never come (RFC 8489 §9.2.5). */
  readonly trusts?: (message: StunMessage) => boolean;
}

/**
 * Requests under way: sends them, over UDP again and again, matches the answers to them, and gives up
 * (RFC 8489 §6.2.1, §6.2.2, §6.3).
 */
export class Transactions {
  readonly #socket: MessageSocket;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Transaction>();
  /** Why no request can be sent any more. */
  #ended: RequestFailure | undefined;

  constructor(socket: MessageSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Sends a request until it is answered or the profile is over. */
  request(request: TransactionRequest): Promise<Result<Answer, RequestFailure>> {
    if (this.#ended) return Promise.resolve(failure(this.#ended));
    const id = transactionKey(request.bytes.subarray(8, 20));
    return new Promise((resolve) => {
      const settled = (result: Result<Answer, RequestFailure>) => {
        this.#pending.delete(id);
        resolve(result);
      };
      const transaction = new Transaction(request, this.#socket, this.#clock, settled);
      this.#pending.set(id, transaction);
      transaction.start();
    });
  }

  /** True when the message is for a request that is under way, whether or not it ends it. */
  accepts(message: StunMessage): boolean {
    return this.#pending.has(transactionKey(message.transactionId));
  }

  /** Takes an answer for which {@link accepts} is true; the message is kept. */
  answer(message: StunMessage, from: TransportAddress): void {
    this.#pending.get(transactionKey(message.transactionId))?.answer(message, from);
  }

  /** Ends everything under way when the socket says that the server cannot be reached, or that the connection is lost. */
  socketFailed(error: TransportError): void {
    if (this.#socket.reliable) {
      this.#ended ??= { kind: 'connection-failed', error };
      this.#failAll(this.#ended);
    } else if (endsTransactions(error)) {
      this.#failAll({ kind: 'unreachable', code: error.code });
    }
  }

  close(): void {
    this.#ended = { kind: 'closed' };
    this.#failAll(this.#ended);
  }

  #failAll(reason: RequestFailure): void {
    for (const transaction of [...this.#pending.values()]) transaction.fail(reason);
  }
}

function transactionKey(id: Buffer): string {
  return id.toString('latin1');
}

class Transaction {
  readonly #request: TransactionRequest;
  readonly #socket: MessageSocket;
  readonly #clock: Clock;
  readonly #settled: (result: Result<Answer, RequestFailure>) => void;
  readonly #startedAt: number;
  #sends = 0;
  #timer: Timer | undefined;
  /** Whether an answer came that could not be trusted, and which error the last such answer claimed. */
  #distrusted = false;
  #claimed: StunError | undefined;

  constructor(
    request: TransactionRequest,
    socket: MessageSocket,
    clock: Clock,
    settled: (result: Result<Answer, RequestFailure>) => void,
  ) {
    this.#request = request;
    this.#socket = socket;
    this.#clock = clock;
    this.#settled = settled;
    this.#startedAt = clock.now();
  }

  start(): void {
    const { retransmission } = this.#request;
    const { sendsAtMs, timeoutMs } = this.#socket.reliable
      ? reliableSchedule(retransmission)
      : retransmissionSchedule(retransmission);
    const step = () => {
      if (this.#sends === sendsAtMs.length) {
        this.fail(this.#whyNothing());
        return;
      }
      this.#sends++;
      const next = sendsAtMs[this.#sends] ?? timeoutMs;
      this.#timer = this.#clock.schedule(this.#startedAt + next - this.#clock.now(), step);
      this.#socket.send(this.#request.bytes, this.#request.to);
    };
    step();
  }

  answer(message: StunMessage, from: TransportAddress): void {
    const { to, fromAnywhere, trusts } = this.#request;
    if (!fromAnywhere && !(from.port === to.port && sameAddress(from.ip, to.ip))) return;
    if (trusts && !trusts(message)) {
      this.#distrusted = true;
      this.#claimed = claimedError(message);
      return;
    }
    this.#end(success({ message, from, elapsedMs: this.#clock.now() - this.#startedAt, sends: this.#sends }));
  }

  fail(reason: RequestFailure): void {
    this.#end(failure(reason));
  }

  #whyNothing(): RequestFailure {
    if (this.#distrusted) return { kind: 'integrity-violated', claimed: this.#claimed };
    return { kind: 'timeout', sends: this.#sends, waitedMs: this.#clock.now() - this.#startedAt };
  }

  #end(result: Result<Answer, RequestFailure>): void {
    this.#timer?.cancel();
    this.#settled(result);
  }
}

function claimedError(message: StunMessage): StunError | undefined {
  if (message.messageClass !== MessageClass.error) return undefined;
  const index = message.find(Attribute.errorCode);
  return index < 0 ? undefined : readErrorCode(message, index);
}
