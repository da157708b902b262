import type { X509Certificate } from 'node:crypto';

/** What matters about a server's certificate to the people who use it. */
export interface CertificateSummary {
  /** The names and addresses it is for; a name may begin with `*.`. */
  readonly names: readonly string[];
  readonly issuer: string;
  /** ISO 8601; a time that is none is told as it stands in the certificate. */
  readonly validFrom: string;
  readonly validTo: string;
  readonly fingerprint256: string;
}

export function summarizeCertificate(certificate: X509Certificate): CertificateSummary {
  return {
    names: namesOf(certificate),
    issuer: commonName(certificate.issuer) ?? certificate.issuer.replaceAll('\n', ', '),
    validFrom: isoTime(certificate.validFrom),
    validTo: isoTime(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
  };
}

/** Nobody looks into a certificate before it is here: there may be anything in it. */
function isoTime(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}

/** Whole days until the certificate ends; negative when it has ended. */
export function daysLeft({ validTo }: CertificateSummary, unixNow: number): number {
  return Math.floor((Date.parse(validTo) / 1000 - unixNow) / 86_400);
}

/** The names as a person reads them, the first few of many. */
export function namesInWords({ names }: CertificateSummary): string {
  if (names.length === 0) return 'no name';
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}

function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const names = (subjectAltName ?? '')
    .split(', ')
    .flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? []);
  // Clients no longer look at the common name, but where it is all there is, people want to see it.
  return names.length > 0 ? names : [commonName(subject) ?? []].flat();
}

function commonName(distinguishedName: string): string | undefined {
  return /^CN=(.+)$/m.exec(distinguishedName)?.[1];
}
