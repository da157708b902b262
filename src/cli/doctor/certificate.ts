import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { type CertificateSummary, daysLeft, namesInWords, summarizeCertificate } from '../../client/certificate.ts';
import { explainReadFailure } from '../../config/read-failure.ts';
import type { Configuration } from '../../config/settings.ts';
import { adviseOnTls, certificateWarning } from '../../ladder/connection-advice.ts';
import type { ReachDependencies } from '../../ladder/reach.ts';
import type { TransportAddress } from '../../stun/ip-address.ts';
import { type Finding, findingsAbout } from './finding.ts';

const finding = findingsAbout('certificate');

export interface CertificateDependencies extends Pick<ReachDependencies, 'connectTcp' | 'unixNow' | 'trusted'> {
  readonly readFile: (path: string) => string;
  readonly isOpenToOthers: (path: string) => boolean;
}

/** The certificate in the files; nothing follows the first problem. */
export function certificateFileFindings(
  { tls, publicHost }: Configuration,
  dependencies: CertificateDependencies,
): Finding[] {
  if (tls.certificateFile === undefined || tls.keyFile === undefined) return [noCertificate];
  const read = readFiles('tls', tls, dependencies);
  if (!(read instanceof X509Certificate)) return [read];
  const certificate = summarizeCertificate(read);
  return [
    validity(certificate, dependencies.unixNow()),
    nameFinding(read, certificate, publicHost),
    ...openKey(tls, dependencies),
  ];
}

/**
 * The certificate of the HTTP service, in its files and as it is shown. What was said about the same files for TLS clients is
 * not said again.
 *
 * @param served SHA-256 of the one that the running service shows, where it may be another.
 */
export function httpsCertificateFindings(
  { tls, http }: Configuration,
  served: string | undefined,
  dependencies: CertificateDependencies,
): Finding[] {
  if (http.certificateFile === undefined || http.keyFile === undefined) return [];
  const isKnown = http.certificateFile === tls.certificateFile && http.keyFile === tls.keyFile;
  const read = readFiles('http', http, dependencies);
  const found: Finding[] = [];
  if (!(read instanceof X509Certificate)) {
    if (!isKnown) found.push(read);
  } else {
    if (!isKnown) {
      const certificate = summarizeCertificate(read);
      found.push(validity(certificate, dependencies.unixNow()), ...openKey(http, dependencies));
    }
    if (served !== undefined && served !== read.fingerprint256) {
      found.push(
        finding(
          'problem',
          'certificate_not_loaded',
          `The HTTP service shows another certificate than the one in ${http.certificateFile}.`,
          'Let it load the new one: taciturn reload, or SIGHUP; its log says why it does not take it.',
        ),
      );
    }
  }
  return found.map((one) => ({ ...one, about: 'http-service' }));
}

/** The certificate that the running server shows: the same as in the files, and trusted by those who do not know it. */
export async function servedCertificateFindings(
  { tls, publicHost }: Configuration,
  server: TransportAddress,
  dependencies: CertificateDependencies,
): Promise<Finding[]> {
  const connection = await dependencies.connectTcp(server);
  if (!connection.ok) return [];
  const { trusted } = dependencies;
  const serverName = publicHost ?? server.ip.text;
  const secured = await connection.value.secure({ serverName, ...(trusted !== undefined && { trusted }) });
  if (secured.ok) secured.value.socket.close();
  const served = secured.ok ? secured.value.session.certificate : secured.error.certificate;
  if (served === undefined) return [];
  const inFile = readFiles('tls', tls, dependencies);
  const findings: Finding[] = [];
  if (inFile instanceof X509Certificate && inFile.fingerprint256 !== served.fingerprint256) {
    findings.push(
      finding(
        'problem',
        'certificate_not_loaded',
        `The server shows another certificate than the one in ${tls.certificateFile}: one that ends on ${served.validTo.slice(0, 10)}.`,
        'Let it load the new one: POST /v1/reload or SIGHUP; its log says why it does not take it.',
      ),
    );
  }
  // Its time and its name were judged from the file.
  const kind = secured.ok ? undefined : secured.error.kind;
  if (!secured.ok && (kind === 'certificate-self-signed' || kind === 'certificate-untrusted')) {
    const url = { scheme: 'turns', host: serverName, port: server.port, transport: 'tcp' } as const;
    const { cause, fix } = adviseOnTls(secured.error, { server, url, unixNow: dependencies.unixNow() });
    findings.push(finding('problem', kind.replaceAll('-', '_'), cause, fix.replace('this check', 'doctor')));
  } else if (findings.length === 0) {
    findings.push(
      finding('ok', 'certificate_served', 'The server shows this certificate, and clients will trust who issued it.'),
    );
  }
  return findings;
}

/** Certificates by which the server of this machine is known: the public authorities, and its own file. */
export function trustedByThisMachine(
  { tls }: Configuration,
  dependencies: CertificateDependencies,
): string | undefined {
  if (dependencies.trusted !== undefined || tls.certificateFile === undefined) return dependencies.trusted;
  try {
    return [...rootCertificates, dependencies.readFile(tls.certificateFile)].join('\n');
  } catch {
    return undefined;
  }
}

/** The pair that a section of the configuration names; it has to name both. */
function readFiles(
  section: 'tls' | 'http',
  files: Pick<Configuration['tls'], 'certificateFile' | 'keyFile'>,
  { readFile }: CertificateDependencies,
): X509Certificate | Finding {
  const certificateFile = files.certificateFile!;
  const keyFile = files.keyFile!;
  let path = certificateFile;
  try {
    const certificate = new X509Certificate(readFile(certificateFile));
    path = keyFile;
    if (certificate.checkPrivateKey(createPrivateKey(readFile(keyFile)))) return certificate;
    return finding(
      'problem',
      'key_mismatch',
      `The key in ${keyFile} does not belong to the certificate in ${certificateFile}.`,
      'Configure the pair that was issued together.',
    );
  } catch (error) {
    const isSystemError = (error as NodeJS.ErrnoException).syscall !== undefined;
    const why = isSystemError ? explainReadFailure(error) : 'It holds nothing in PEM form that can be used.';
    return finding(
      'problem',
      'certificate_unreadable',
      `${path}: ${why}`,
      `Correct the file, or ${section}.certificateFile and ${section}.keyFile.`,
    );
  }
}

function openKey(
  { keyFile }: Pick<Configuration['tls'], 'keyFile'>,
  { isOpenToOthers }: CertificateDependencies,
): Finding[] {
  if (!isOpenToOthers(keyFile!)) return [];
  const sentence = `${keyFile} is open to other users of this machine.`;
  return [finding('warning', 'key_open', sentence, `Close it: chmod 600 ${keyFile}`)];
}

function validity(certificate: CertificateSummary, unixNow: number): Finding {
  const left = daysLeft(certificate, unixNow);
  const until = certificate.validTo.slice(0, 10);
  if (left < 0) {
    return finding('problem', 'certificate_expired', `The certificate expired on ${until}.`, 'Renew it.', {
      certificate,
    });
  }
  if (Date.parse(certificate.validFrom) / 1000 > unixNow) {
    return finding(
      'problem',
      'certificate_not_yet_valid',
      `The certificate is valid only from ${certificate.validFrom} on.`,
      'Check the clock of this machine first, then the certificate.',
      { certificate },
    );
  }
  const soon = certificateWarning(certificate, unixNow);
  if (soon) return finding('warning', soon.code, soon.cause, soon.fix, { certificate, daysLeft: left });
  return finding(
    'ok',
    'certificate_valid',
    `The certificate is valid for another ${left} days, until ${until}.`,
    undefined,
    {
      certificate,
      daysLeft: left,
    },
  );
}

function nameFinding(x509: X509Certificate, certificate: CertificateSummary, host: string | undefined): Finding {
  const names = namesInWords(certificate);
  if (host === undefined) {
    return finding(
      'not-tested',
      'certificate_name_unknown',
      `Whether the certificate is for the right name was not tested: it is for ${names}, and publicHost is not set.`,
      'Set publicHost to the name that clients use; URLs otherwise name an address.',
    );
  }
  const fits = isIP(host) === 0 ? x509.checkHost(host, { subject: 'never' }) : x509.checkIP(host);
  if (fits !== undefined) return finding('ok', 'certificate_name', `The certificate is for ${host}.`);
  return finding(
    'problem',
    'certificate_wrong_name',
    `The certificate is for ${names}, and not for ${host} (publicHost).`,
    `Get a certificate that ${host} is in, or set publicHost to a name that it is for.`,
  );
}

const noCertificate = finding(
  'warning',
  'no_certificate',
  'There is no certificate, so networks that let nothing but TLS out cannot use this server.',
  'Get one for the name of this server and set tls.certificateFile and tls.keyFile.',
);
