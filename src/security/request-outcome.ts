import { describeFailure, type RequestFailure } from '../client/request-failure.ts';
import type { Result } from '../client/result.ts';
import { ErrorCode } from '../stun/protocol.ts';

/** What a server made of a request that it ought to refuse. */
export type RequestOutcome =
  | { readonly kind: 'granted' }
  /** It will not: the error code. */
  | { readonly kind: 'refused'; readonly code: number }
  /** It did not get as far as to decide: why. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * Codes by which a server says that it will not, whoever asks and however often; 440 and 443 because it has no such relay. Not 401 and
 * 441: with them it says something of the credentials, which may have expired since the allocation, and nothing of the peer.
 */
const refusals: ReadonlySet<number> = new Set([
  ErrorCode.badRequest,
  ErrorCode.forbidden,
  ErrorCode.addressFamilyNotSupported,
  ErrorCode.peerAddressFamilyMismatch,
]);

/** Reads the answer to such a request. */
export function outcomeOf(answer: Result<unknown, RequestFailure>): RequestOutcome {
  if (answer.ok) return { kind: 'granted' };
  const { error } = answer;
  if (error.kind === 'error-response' && refusals.has(error.code)) return { kind: 'refused', code: error.code };
  return { kind: 'unknown', why: describeFailure(error) };
}

/** `granted`, an error code, or a sentence: for programs. */
export function factOf(outcome: RequestOutcome): string | number {
  switch (outcome.kind) {
    case 'granted':
      return 'granted';
    case 'refused':
      return outcome.code;
    case 'unknown':
      return outcome.why;
  }
}
