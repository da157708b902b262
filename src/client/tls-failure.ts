import type { TransportError, TransportErrorKind } from './transport-error.ts';

const kinds = new Map<string, TransportErrorKind>([
  ['CERT_HAS_EXPIRED', 'certificate-expired'],
  ['CERT_NOT_YET_VALID', 'certificate-not-yet-valid'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-wrong-name'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate-self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'certificate-untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate-untrusted'],
  ['ECONNRESET', 'tls-closed'],
  ['EPIPE', 'tls-closed'],
]);

/** What OpenSSL says about bytes that are no TLS records. */
const notTls =
  /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE|RECORD_LAYER/;
/** Errors that stand for an alert which the server has sent, or for versions that do not meet. */
const refusal = /ALERT|UNSUPPORTED_PROTOCOL|NO_SHARED|HANDSHAKE_FAILURE|NO_CIPHERS|NO_PROTOCOLS/;

/** Says of what kind the failure of a TLS handshake, or of the check of a certificate, is. */
export function explainTlsFailure(error: Error): TransportError {
  const { code = 'TLS_CLOSED' } = error as NodeJS.ErrnoException;
  return { kind: kindOf(code), code, message: error.message };
}

function kindOf(code: string): TransportErrorKind {
  const known = kinds.get(code);
  if (known) return known;
  if (code === 'TLS_CLOSED') return 'tls-closed';
  if (notTls.test(code)) return 'not-tls';
  if (refusal.test(code)) return 'tls-refused';
  return /CERT|CRL|CHAIN|ISSUER|SIGNATURE|VERIFY/.test(code) ? 'certificate-untrusted' : 'other';
}
