import { isIP } from 'node:net';
import { type CertificateSummary, namesInWords } from '../../client/certificate.ts';
import type { TransportError } from '../../client/transport-error.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { type Attempt, type AttemptResult, CONNECT_MS } from './attempt.ts';

/** Whether a certificate that does not verify means that somebody else answers in place of the server. */
export async function judgeCertificate(
  network: DiagnosisNetwork,
  attempt: Attempt,
  { kind }: TransportError,
  certificate: CertificateSummary,
): Promise<AttemptResult> {
  const names = namesInWords(certificate);
  switch (kind) {
    case 'certificate-expired':
    case 'certificate-not-yet-valid': {
      const problem =
        kind === 'certificate-expired' ? `ended on ${certificate.validTo}` : `begins on ${certificate.validFrom}`;
      return { outcome: 'not-tested', detail: `TLS answers, but its certificate ${problem}, so it proves nothing.` };
    }
    case 'certificate-wrong-name':
      // Few servers have their address in their certificate.
      if (isIP(attempt.host) !== 0) {
        return {
          outcome: 'not-tested',
          detail: `TLS answers with a certificate of ${names}; by the address alone it cannot be told whether that is right.`,
        };
      }
      return { outcome: 'intercepted', detail: `The certificate is for ${names}, and not for ${attempt.host}.` };
    case 'certificate-self-signed':
      return {
        outcome: 'intercepted',
        detail: `The certificate of ${names} is self-signed: unless it is the server's own, something answers in its place.`,
      };
    default:
      return untrusted(network, attempt, certificate);
  }
}

/** An authority that only this system trusts was put there to look into TLS. */
async function untrusted(
  network: DiagnosisNetwork,
  attempt: Attempt,
  { issuer }: CertificateSummary,
): Promise<AttemptResult> {
  const locally = await verifiesLocally(network, attempt);
  const detail = locally
    ? `The certificate comes from ${issuer}, which this system trusts and the public does not: TLS is inspected on the way.`
    : `The certificate comes from ${issuer}, which is not trusted: unless it is the server's own, something answers in its place.`;
  return { outcome: 'intercepted', detail };
}

async function verifiesLocally(network: DiagnosisNetwork, { server, host }: Attempt): Promise<boolean> {
  const trusted = network.systemAuthorities();
  if (trusted === undefined) return false;
  const connection = await network.connectTcp(server, CONNECT_MS);
  if (!connection.ok) return false;
  const handshake = await connection.value.secure({ serverName: host, trusted });
  if (handshake.ok) handshake.value.socket.close();
  return handshake.ok;
}
