import { randomFillSync } from 'node:crypto';
import { readAllocateSuccess, writeAllocate } from '../client/allocate-request.ts';
import {
  type Challenge,
  LongTermAuthentication,
  type LongTermCredentials,
  readChallenge,
} from '../client/long-term-authentication.ts';
import { describeFailure, type RequestFailure } from '../client/request-failure.ts';
import { type Result, success } from '../client/result.ts';
import { retransmissionSchedule } from '../client/retransmission.ts';
import { errorResponse } from '../client/stun-client.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { writeChannelNumber, writeLifetime } from '../stun/attributes/allocation.ts';
import { CHANNEL_FIRST } from '../stun/channel-data.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { StunMessage } from '../stun/message.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, ErrorCode, MessageClass, Method } from '../stun/protocol.ts';

/** How a client's data is wrapped: in ChannelData, or in Send and Data indications. */
export type Mode = 'channel' | 'send';

/** A permission lasts five minutes (RFC 8656 §9), and less than any allocation is asked for. */
const RENEW_AFTER_MS = 240_000;
const LIFETIME_SECONDS = 600;

/** The one channel that a session binds. */
export const CHANNEL = CHANNEL_FIRST;

export interface SessionOptions {
  readonly credentials: LongTermCredentials | undefined;
  /** Where the data goes; without one there is only an allocation. */
  readonly peer: TransportAddress | undefined;
  readonly mode: Mode;
  /** Over TCP and TLS nothing is sent twice. */
  readonly reliable: boolean;
  /** Sends a request to the server; the bytes are the session's until the next one. */
  readonly send: (bytes: Buffer) => void;
}

/** A server under load answers late, and whoever waits for a server that is not there would not want to for long. */
const { sendsAtMs, timeoutMs } = retransmissionSchedule({ initialTimeoutMs: 500, sends: 5, lastWaitFactor: 4 });
const writer = new MessageWriter();

/**
 * What one client says to get and to keep a relayed address: Allocate, then ChannelBind or CreatePermission. Whoever has it
 * hands in the answers and the time. A library's client has a socket, timers and promises of its own; of these there are
 * thousands, driven by one loop. Answers are not verified: a load generator has nothing to lose.
 */
export class Session {
  relayedAddress: TransportAddress | undefined;
  /** Why it came to nothing. */
  failure: string | undefined;

  readonly #options: SessionOptions;
  #authentication: LongTermAuthentication | undefined;
  #challenges = 0;
  #renewAtMs = Number.POSITIVE_INFINITY;
  #settled: () => void = () => {};

  // The request under way.
  readonly #transactionId = Buffer.alloc(12);
  #request: Buffer | undefined;
  #method = 0;
  #lifetimeSeconds = LIFETIME_SECONDS;
  #startedAtMs = 0;
  #sends = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Asks for the allocation; resolves when data can flow, or {@link failure} says why not. */
  open(nowMs: number): Promise<void> {
    this.#ask(Method.allocate, nowMs);
    return this.#settling();
  }

  /** Gives the allocation back (RFC 8656 §8.1). */
  close(nowMs: number): Promise<void> {
    this.#lifetimeSeconds = 0;
    this.#ask(Method.refresh, nowMs);
    return this.#settling();
  }

  /** Sends again, gives up, or renews, as the time has come for it. */
  advance(nowMs: number): void {
    if (this.#request === undefined) {
      if (nowMs >= this.#renewAtMs) this.#ask(Method.refresh, nowMs);
      return;
    }
    const elapsed = nowMs - this.#startedAtMs;
    if (elapsed >= timeoutMs) {
      this.#fail('the server does not answer');
    } else if (!this.#options.reliable && elapsed >= sendsAtMs[this.#sends]!) {
      this.#sends++;
      this.#options.send(this.#request);
    }
  }

  /** Takes an answer of the server. What is none to the request under way is dropped. */
  receive(message: StunMessage, nowMs: number): void {
    if (this.#request === undefined || !message.transactionId.equals(this.#transactionId)) return;
    this.#request = undefined;
    if (message.messageClass === MessageClass.success) this.#succeeded(message, nowMs);
    else if (message.messageClass === MessageClass.error) this.#refused(message, nowMs);
  }

  #succeeded(message: StunMessage, nowMs: number): void {
    this.#challenges = 0;
    const { peer, mode } = this.#options;
    if (this.#method === Method.allocate) {
      const granted = readAllocateSuccess(message);
      if (!granted.ok) {
        this.#fail(describeFailure(granted.error));
        return;
      }
      this.relayedAddress = granted.value.relayedAddresses[0];
    }
    const isLast = this.#method === Method.channelBind || this.#method === Method.createPermission;
    if (this.#lifetimeSeconds > 0 && peer && !isLast) {
      this.#ask(mode === 'channel' ? Method.channelBind : Method.createPermission, nowMs);
      return;
    }
    this.#renewAtMs = this.#lifetimeSeconds > 0 ? nowMs + RENEW_AFTER_MS : Number.POSITIVE_INFINITY;
    this.#settled();
  }

  #refused(message: StunMessage, nowMs: number): void {
    const error = errorResponse(message, this.#authentication !== undefined);
    const { credentials } = this.#options;
    const code = error.kind === 'error-response' ? error.code : undefined;
    const isChallenge =
      (code === ErrorCode.unauthenticated && !this.#authentication) ||
      (code === ErrorCode.staleNonce && this.#authentication !== undefined && this.#challenges < 3);
    if (!isChallenge || !credentials) {
      this.#fail(describeFailure(error));
      return;
    }
    this.#challenges++;
    const challenge = challengeOf(message, this.#authentication?.challenge);
    if (!challenge.ok) {
      this.#fail(describeFailure(challenge.error));
      return;
    }
    this.#authentication = new LongTermAuthentication(credentials, challenge.value);
    this.#ask(this.#method, nowMs);
  }

  #ask(method: number, nowMs: number): void {
    this.#method = method;
    writer.begin(MessageClass.request, method, randomFillSync(this.#transactionId));
    if (method === Method.allocate) writeAllocate(writer, { lifetimeSeconds: LIFETIME_SECONDS });
    if (method === Method.refresh) writeLifetime(writer, this.#lifetimeSeconds);
    if (method === Method.channelBind) writeChannelNumber(writer, CHANNEL);
    if (method === Method.channelBind || method === Method.createPermission) {
      writeXorAddress(writer, Attribute.xorPeerAddress, this.#options.peer!);
    }
    this.#authentication?.sign(writer);
    this.#request = writer.finish();
    this.#startedAtMs = nowMs;
    this.#sends = 1;
    this.#options.send(this.#request);
  }

  #fail(reason: string): void {
    this.#request = undefined;
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    this.failure = reason;
    this.#settled();
  }

  #settling(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = resolve;
    });
  }
}

/** Reads a challenge as browsers do, which know MD5 and HMAC-SHA1 alone; properly where the server wants better. */
function challengeOf(message: StunMessage, previous: Challenge | undefined): Result<Challenge, RequestFailure> {
  const asBrowser = readChallenge(message, previous, [PasswordAlgorithm.md5]);
  return asBrowser.ok
    ? success({ ...asBrowser.value, offeredAlgorithms: undefined, usernameAnonymity: false })
    : readChallenge(message, previous);
}
