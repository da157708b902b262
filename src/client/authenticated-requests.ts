import type { TransportAddress } from '../stun/ip-address.ts';
import type { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { StunMessage } from '../stun/message.ts';
import type { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, ErrorCode, MessageClass } from '../stun/protocol.ts';
import {
  type Challenge,
  LongTermAuthentication,
  type LongTermCredentials,
  readChallenge,
} from './long-term-authentication.ts';
import type { RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { errorResponse, type RequestOptions, type StunClient } from './stun-client.ts';
import type { Answer } from './transactions.ts';

/** How many nonces in a row may be called stale before it is a loop: one expires now and then, three do not. */
const MAX_STALE_NONCES = 3;

/** How many challenges of a request are answered: of the first realm, and of another where a server has changed it since. */
const MAX_CHALLENGES = 2;

/** Errors that come without integrity, because the server could not or would not check ours (RFC 8489 §9.2.4). */
const unsignedErrors: ReadonlySet<number> = new Set([
  ErrorCode.badRequest,
  ErrorCode.unauthenticated,
  ErrorCode.staleNonce,
]);

/** Requests to one server with long-term credentials: answers its challenges and trusts only signed answers (RFC 8489 §9.2). */
export class AuthenticatedRequests {
  readonly server: TransportAddress;
  readonly #stun: StunClient;
  readonly #credentials: LongTermCredentials | undefined;
  readonly #algorithms: readonly PasswordAlgorithm[] | undefined;
  #authentication: LongTermAuthentication | undefined;

  constructor(
    stun: StunClient,
    server: TransportAddress,
    credentials: LongTermCredentials | undefined,
    algorithms?: readonly PasswordAlgorithm[],
  ) {
    this.#stun = stun;
    this.server = server;
    this.#credentials = credentials;
    this.#algorithms = algorithms;
  }

  /** The same credentials on another connection to the same server, and the challenge that was answered here before. */
  on(stun: StunClient): AuthenticatedRequests {
    const requests = new AuthenticatedRequests(stun, this.server, this.#credentials, this.#algorithms);
    requests.#authentication = this.#authentication;
    return requests;
  }

  /** The challenge that requests currently answer, once there was one. */
  get challenge(): Challenge | undefined {
    return this.#authentication?.challenge;
  }

  /**
   * Sends a request, and again with credentials or a fresh nonce when the server asks for that.
   *
   * @param write writes the attributes of the method; it is called once for each attempt.
   * @returns the success response, or why there is none. A 401 whose `authenticated` is true means wrong credentials.
   */
  async request(
    method: number,
    write: (writer: MessageWriter) => void,
    options: Pick<RequestOptions, 'retransmission'> = {},
  ): Promise<Result<Answer, RequestFailure>> {
    for (let staleNonces = 0, challenges = 0; ; ) {
      const used = this.#authentication;
      const answer = await this.#stun.request(
        this.server,
        method,
        (writer) => {
          write(writer);
          used?.sign(writer);
        },
        used ? { ...options, trusts: (message) => trusts(used, message) } : options,
      );
      if (!answer.ok) return answer;
      const { message } = answer.value;
      if (message.messageClass === MessageClass.success) return success(answer.value);
      const error = errorResponse(message, used !== undefined);
      const code = error.kind === 'error-response' ? error.code : undefined;
      if (code === ErrorCode.staleNonce && used && ++staleNonces > MAX_STALE_NONCES) {
        return failure({ kind: 'stale-nonce-loop', attempts: staleNonces });
      }
      const asksAgain = code === ErrorCode.unauthenticated || (code === ErrorCode.staleNonce && used);
      if (!asksAgain || !this.#credentials) return failure(error);
      const challenge = readChallenge(message, used?.challenge, this.#algorithms);
      if (!challenge.ok) return challenge;
      // RFC 8489 §9.2.5: the same credentials for the same realm are not tried twice.
      if (code === ErrorCode.unauthenticated) {
        if (used?.challenge.realm === challenge.value.realm || ++challenges > MAX_CHALLENGES) return failure(error);
      }
      this.#authentication = new LongTermAuthentication(this.#credentials, challenge.value);
    }
  }
}

function trusts(authentication: LongTermAuthentication, message: StunMessage): boolean {
  if (authentication.verifies(message)) return true;
  if (message.messageClass !== MessageClass.error) return false;
  if (message.has(Attribute.messageIntegrity) || message.has(Attribute.messageIntegritySha256)) return false;
  const error = errorResponse(message, true);
  return error.kind === 'error-response' && unsignedErrors.has(error.code);
}
