import { ErrorCode } from '../stun/protocol.ts';
import { describeFailure, type RequestFailure } from './request-failure.ts';

/** Why there is no allocation, by what can be done about it. */
export type AllocationFailureKind =
  /** No answer came, or no connection. Check address, port and firewall, or try TCP or TLS where UDP is blocked. */
  | 'unreachable'
  /** TLS: the certificate is expired, for another name, or of nobody who is trusted. The operator of the server mends that. */
  | 'certificate-rejected'
  /** 401 without credentials to answer it with: pass some. */
  | 'credentials-needed'
  /** 401: the server knows no such user, or another password, or the credential has expired. Get a new one; do not repeat. */
  | 'wrong-credentials'
  /** 438 to every nonce: the server forgets its nonces at once. Repeating does not help; its operator has to look at it. */
  | 'stale-nonce'
  /** 403: the user may not have allocations. Nothing but the operator's policy changes that. */
  | 'forbidden'
  /**
   * 437 or 441 at every local port that was tried: the server still knows an allocation of each. They end by themselves, after
   * ten minutes at most unless they are refreshed.
   */
  | 'port-in-use'
  /** 440: the server relays no such address family. Ask for the other one. */
  | 'unsupported-family'
  /** 442: the server does not relay what was asked for, TCP (RFC 6062) for instance. Ask for UDP. */
  | 'unsupported-transport'
  /** 420: the server does not know an attribute, such as DONT-FRAGMENT; `reason` names it. Ask without. */
  | 'unsupported-attribute'
  /** 486: this user has as many allocations as it may. Close some; wait a minute at least before asking again (RFC 8656 §7.4). */
  | 'quota-reached'
  /** 508: the server is full. Use another one, or wait a minute at least before asking this one again (RFC 8656 §7.4). */
  | 'no-capacity'
  /** 300 to another server, which was then asked: only an attempt ends with this. */
  | 'redirected'
  /**
   * 300 that leads nowhere: in a circle, too far, or to an address that nobody can be at, that is the client's own machine, or of the
   * other family. Its operator has to look at it.
   */
  | 'bad-redirect'
  /**
   * Answers that cannot be trusted: without valid integrity, or with a challenge that was tampered with. Somebody is in between,
   * or the server is broken. The credentials have not been shown to anybody.
   */
  | 'not-authentic'
  /** Any other error, such as 400 or 500, or an answer that makes no sense. */
  | 'server-error'
  /** The caller's signal said to stop. */
  | 'cancelled';

/** Why there is no allocation. */
export interface AllocationFailure {
  readonly kind: AllocationFailureKind;
  /** What the server or the system said. */
  readonly reason: RequestFailure;
}

/** One line about it, for logs and for people. */
export function describeAllocationFailure({ kind, reason }: AllocationFailure): string {
  return `${kind.replaceAll('-', ' ')}: ${describeFailure(reason)}`;
}

const kindsByCode = new Map<number, AllocationFailureKind>([
  [ErrorCode.tryAlternate, 'redirected'],
  [ErrorCode.forbidden, 'forbidden'],
  [ErrorCode.unknownAttribute, 'unsupported-attribute'],
  [ErrorCode.allocationMismatch, 'port-in-use'],
  [ErrorCode.staleNonce, 'stale-nonce'],
  [ErrorCode.addressFamilyNotSupported, 'unsupported-family'],
  [ErrorCode.wrongCredentials, 'port-in-use'],
  [ErrorCode.unsupportedTransportProtocol, 'unsupported-transport'],
  [ErrorCode.allocationQuotaReached, 'quota-reached'],
  [ErrorCode.insufficientCapacity, 'no-capacity'],
]);

/** What kind of failure an Allocate request ended with. */
export function allocationFailure(reason: RequestFailure): AllocationFailure {
  return { kind: kindOf(reason), reason };
}

function kindOf(reason: RequestFailure): AllocationFailureKind {
  switch (reason.kind) {
    case 'timeout':
    case 'unreachable':
      return 'unreachable';
    case 'connection-failed':
      return reason.error.kind.startsWith('certificate-') ? 'certificate-rejected' : 'unreachable';
    case 'error-response':
      if (reason.code === ErrorCode.unauthenticated) {
        return reason.authenticated ? 'wrong-credentials' : 'credentials-needed';
      }
      return kindsByCode.get(reason.code) ?? 'server-error';
    case 'stale-nonce-loop':
      return 'stale-nonce';
    case 'integrity-violated':
    case 'bid-down':
    case 'no-supported-algorithm':
      return 'not-authentic';
    case 'closed':
      return 'cancelled';
    default:
      return 'server-error';
  }
}
