import type { TransportError } from '../../client/transport-error.ts';
import type { TransportReport } from '../../nat/report.ts';
import type { IpAddress, TransportAddress } from '../../stun/ip-address.ts';

/** One of the attempts to reach a server. */
export interface Attempt {
  readonly server: TransportAddress;
  /** The host as it was given, which a certificate must be for. */
  readonly host: string;
  readonly transport: TransportReport['transport'];
  /** Whether STUN without TLS is what one expects at this port. */
  readonly isStunPort: boolean;
}

/** What became of it. */
export interface AttemptResult {
  readonly outcome: TransportReport['outcome'];
  readonly detail: string;
  /** How the server sees this host. */
  readonly mapped?: IpAddress;
  /** Whether a TCP connection came about. */
  readonly connected?: boolean;
  /** What was there did not say what it is, and may speak TLS where plain STUN was tried, or plain STUN where TLS was. */
  readonly mayBeOtherwise?: boolean;
}

/** Milliseconds for a connection, and again for TLS on it. The second try of TCP goes out after one second (RFC 6298 §2). */
export const CONNECT_MS = 2500;

/** Three sends within 750 ms, and two seconds until it counts as dropped. */
export const attemptRetransmission = { initialTimeoutMs: 250, sends: 3, lastWaitFactor: 5 } as const;

/** What it means that no connection came about, or that a datagram came back with an error. */
export function withoutConnection({ kind, code }: Pick<TransportError, 'kind' | 'code'>): AttemptResult {
  if (code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL' || code === 'ENETDOWN' || code === 'EAFNOSUPPORT') {
    return { outcome: 'no-route', detail: `This machine has no way there (${code}).` };
  }
  switch (kind) {
    case 'refused':
      return { outcome: 'rejected', detail: `The host or a firewall refuses it (${code}).` };
    case 'lost':
      return { outcome: 'rejected', detail: `The connection is cut at once (${code}).` };
    case 'unreachable':
      return { outcome: 'rejected', detail: `The network reports that it does not let it through (${code}).` };
    case 'timed-out':
      return { outcome: 'dropped', detail: 'Nothing comes back.' };
    default:
      return { outcome: 'not-tested', detail: `This machine gave no socket (${code}).` };
  }
}
