import type { StunError } from '../stun/attributes/error-code.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { attributeName, reasonPhrases } from '../stun/protocol.ts';
import { describeTransportError, type TransportError } from './transport-error.ts';

/** Why a request came to nothing. */
export type RequestFailure =
  /** Nothing came back. */
  | { readonly kind: 'timeout'; readonly sends: number; readonly waitedMs: number }
  /** The network or this machine said at once that the server cannot be reached. */
  | { readonly kind: 'unreachable'; readonly code: string }
  /** A TCP or TLS connection was lost before the answer came, or could not be made. */
  | { readonly kind: 'connection-failed'; readonly error: TransportError }
  /** The server said no. */
  | ErrorResponse
  /**
   * Answers came, but none carried the integrity that the password gives, so none can be trusted (RFC 8489 §9.2.5).
   * `claimed` is the error that the last of them held.
   */
  | { readonly kind: 'integrity-violated'; readonly claimed: StunError | undefined }
  /** Somebody took PASSWORD-ALGORITHMS out of the challenge, although its nonce says that they were offered (RFC 8489 §9.2.5). */
  | { readonly kind: 'bid-down' }
  /** The server offers password algorithms of which this client knows none. */
  | { readonly kind: 'no-supported-algorithm'; readonly offered: readonly number[] }
  /** The server called one nonce after the other stale. */
  | { readonly kind: 'stale-nonce-loop'; readonly attempts: number }
  /** An answer that lacks what it must have; `missing` is the attribute. */
  | { readonly kind: 'malformed-response'; readonly missing: number }
  /** All 4,096 channel numbers of this allocation are taken. */
  | { readonly kind: 'channels-exhausted' }
  /** The client was closed in between. */
  | { readonly kind: 'closed' };

/** An error response (RFC 8489 §14.8). */
export interface ErrorResponse extends StunError {
  readonly kind: 'error-response';
  /** Whether the answer was to a request with credentials: a 401 then means that they are wrong. */
  readonly authenticated: boolean;
  /** Where a 300 sends the client (RFC 8489 §10). */
  readonly alternateServer?: TransportAddress;
  /** The name that its certificate is for, where that is another (RFC 8489 §14.16). */
  readonly alternateDomain?: string;
  /** What a 420 did not understand. */
  readonly unknownAttributes?: readonly number[];
}

/** True when the failure is an error response with this code. */
export function isErrorResponse(failure: RequestFailure, code: number): boolean {
  return failure.kind === 'error-response' && failure.code === code;
}

/** One line about a failure, for logs and for people. Causes and remedies are up to the caller, who knows what was tried. */
export function describeFailure(failure: RequestFailure): string {
  switch (failure.kind) {
    case 'timeout':
      return `no answer to ${failure.sends === 1 ? 'one request' : `${failure.sends} requests`} within ${(failure.waitedMs / 1000).toFixed(1)} s`;
    case 'unreachable':
      return `not reachable (${failure.code})`;
    case 'connection-failed':
      return describeTransportError(failure.error);
    case 'error-response':
      return describeErrorResponse(failure);
    case 'integrity-violated':
      return failure.claimed
        ? `an answer ${describeError(failure.claimed)} without valid integrity`
        : 'only answers without valid integrity';
    case 'bid-down':
      return 'the challenge lacks the password algorithms that its nonce announces';
    case 'no-supported-algorithm':
      return `none of the offered password algorithms is known: ${failure.offered.join(', ')}`;
    case 'stale-nonce-loop':
      return `438 Stale Nonce to ${failure.attempts} nonces in a row`;
    case 'malformed-response':
      return `an answer without ${attributeName(failure.missing)}`;
    case 'channels-exhausted':
      return 'no channel number is left';
    case 'closed':
      return 'the client was closed';
  }
}

function describeErrorResponse(failure: ErrorResponse): string {
  const { alternateServer, unknownAttributes } = failure;
  if (alternateServer) return `${describeError(failure)}: go to ${formatTransportAddress(alternateServer)}`;
  if (unknownAttributes) return `${describeError(failure)}: ${unknownAttributes.map(attributeName).join(', ')}`;
  return describeError(failure);
}

function describeError({ code, reason }: StunError): string {
  // Servers may leave the phrase out, and it comes from the network: unprintable characters have no business on a terminal.
  const phrase = reason.replaceAll(/\p{C}/gu, '').trim() || (reasonPhrases.get(code) ?? '');
  return phrase ? `${code} ${phrase}` : `${code}`;
}
