import type { Configuration } from '../../config/settings.ts';
import { IpAddress, isLoopback } from '../../stun/ip-address.ts';
import { type CertificateDependencies, httpsCertificateFindings } from './certificate.ts';
import { type Finding, findingsAbout } from './finding.ts';
import type { HttpService } from './http-service.ts';

const finding = findingsAbout('http-service');

/**
 * Whether the HTTP service answers, and whether API keys are safe on their way to it.
 *
 * @param runs whether a STUN server answers: where none does, nobody expects an answer here either.
 */
export function httpServiceFindings(
  configuration: Configuration,
  service: HttpService,
  runs: boolean,
  dependencies: CertificateDependencies,
): Finding[] {
  if (service.state === 'off') {
    return [
      finding(
        'ok',
        'http_off',
        'The HTTP service is switched off (http.enabled): credentials are issued offline only, and there are no metrics.',
      ),
    ];
  }
  const fingerprint = service.state === 'answers' ? service.fingerprint : undefined;
  return [
    ...answering(service, runs, configuration),
    ...publicBind(configuration.http),
    ...httpsCertificateFindings(configuration, fingerprint, dependencies),
  ];
}

function answering(service: Exclude<HttpService, { state: 'off' }>, runs: boolean, { http }: Configuration): Finding[] {
  switch (service.state) {
    case 'answers':
      return [finding('ok', 'http_answers', `The HTTP service answers at ${service.url}.`)];
    case 'unknown-port':
      return [
        finding(
          'not-tested',
          'http_unknown',
          'The HTTP service was not tested: its port is free to choose (0), so it cannot be found from the configuration.',
          'Configure a fixed http.port, or give the one that the server has shown at its start with --http-port.',
        ),
      ];
    case 'foreign':
      return [
        finding(
          'problem',
          'http_foreign',
          `Another program answers at ${service.url} (HTTP ${service.status} to GET /readyz), or a taciturn of another version.`,
          `Look which program it is (ss -lntp), and end it or set another http.port.`,
        ),
      ];
    case 'unreachable':
      // A server that does not run was said to be so already.
      return runs ? [unreachable(service, http)] : [];
  }
}

function unreachable(
  { url, code }: Extract<HttpService, { state: 'unreachable' }>,
  { certificateFile }: Configuration['http'],
): Finding {
  const compare = 'Compare http.host, http.port and http.certificateFile with those that the running server began with';
  const isUntrusted = code === 'untrusted_certificate';
  const sentences = new Map([
    ['no_server', `Nothing listens at ${url}, where the HTTP service should be.`],
    ['timed_out', `The HTTP service at ${url} does not answer.`],
    ['not_tls', `What listens at ${url} does not speak TLS.`],
    ['no_answer', `What listens at ${url} closes the connection without an answer.`],
    [
      'untrusted_certificate',
      `The HTTP service at ${url} shows a certificate that is neither the one in ${certificateFile} nor signed by somebody who is trusted here.`,
    ],
  ]);
  return finding(
    'problem',
    isUntrusted ? 'http_certificate_untrusted' : 'http_unreachable',
    sentences.get(code) ?? `The HTTP service at ${url} cannot be reached (${code}).`,
    isUntrusted
      ? 'Let it load the one in the file: taciturn reload, or SIGHUP; its log says why it does not take it. One of an authority of your own: --ca FILE.'
      : `${compare}; ss -lntp shows which program has the port.`,
  );
}

/** The start refuses this unless it is allowed by hand. */
function publicBind({ host, certificateFile }: Configuration['http']): Finding[] {
  const ip = IpAddress.parse(host);
  if (certificateFile !== undefined || ip === undefined || isLoopback(ip)) return [];
  return [
    finding(
      'warning',
      'http_public_plain',
      `The HTTP service listens on ${host} without TLS: API keys and credentials cross the network in plain text.`,
      'Set http.certificateFile and http.keyFile, or bind http.host to loopback with a TLS proxy in front.',
    ),
  ];
}
