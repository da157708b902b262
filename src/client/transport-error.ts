import type { CertificateSummary } from './certificate.ts';

/** What is wrong with a transport, as far as a program can tell. */
export type TransportErrorKind =
  /** The host is there and nothing listens. */
  | 'refused'
  /** Nothing came back in time. */
  | 'timed-out'
  /** No way leads there. */
  | 'unreachable'
  /** The other side ended the connection. */
  | 'lost'
  /** What comes over the connection is no STUN; {@link TransportError.speaks} may say what it is. */
  | 'not-stun'
  /** What answers the TLS handshake is no TLS. */
  | 'not-tls'
  /** The connection ended in the middle of the TLS handshake. */
  | 'tls-closed'
  /** The server ended the TLS handshake with an alert: no common version, cipher or application protocol. */
  | 'tls-refused'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-wrong-name'
  | 'certificate-self-signed'
  /** Issued by somebody who is not trusted here, or without the certificates in between. */
  | 'certificate-untrusted'
  /** Anything else the system reports. */
  | 'other';

/** Why a transport could not be opened, or broke. */
export interface TransportError {
  readonly kind: TransportErrorKind;
  /** The name that the system or the TLS library has for it, such as `ECONNREFUSED`. */
  readonly code: string;
  readonly message: string;
  /** What the server showed, where the certificate is what is wrong. */
  readonly certificate?: CertificateSummary;
  /** With `not-stun`: what it looks like. */
  readonly speaks?: ForeignProtocol;
}

/** What else may answer where STUN was expected, by its first bytes. */
export type ForeignProtocol = 'tls' | 'http' | 'ssh' | 'unknown';

const kinds = new Map<string, TransportErrorKind>([
  ['ECONNREFUSED', 'refused'],
  ['ETIMEDOUT', 'timed-out'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['EACCES', 'unreachable'],
  ['EPERM', 'unreachable'],
  ['ECONNRESET', 'lost'],
  ['EPIPE', 'lost'],
]);

/** An error of the system, with what kind it is. */
export function systemError(error: Error): TransportError {
  const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  return { kind: kinds.get(code) ?? 'other', code, message: error.message };
}

/** A few words, to stand beside an address. */
export function describeTransportError({ kind, code, speaks }: TransportError): string {
  switch (kind) {
    case 'lost':
      return `connection closed by the server (${code})`;
    case 'not-stun':
      return speaks === undefined || speaks === 'unknown' ? 'no STUN' : `${speaks.toUpperCase()}, no STUN`;
    case 'other':
      return code;
    default:
      return `${kind.replaceAll('-', ' ')} (${code})`;
  }
}

/** True for errors after which waiting for an answer is pointless (RFC 8489 §6.2.1: a hard ICMP error ends a transaction). */
export function endsTransactions({ kind }: TransportError): boolean {
  return kind !== 'other';
}
