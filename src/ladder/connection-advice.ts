/** What it means that a TCP or TLS connection to a server fails, and what to do about it. Pure. */

import { type CertificateSummary, daysLeft, namesInWords } from '../client/certificate.ts';
import { formatIceUrl, type IceUrl, isSecure, isStunOnly } from '../client/ice-url.ts';
import type { ForeignProtocol, TransportError } from '../client/transport-error.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type Advice, advice } from './advice.ts';

export interface ConnectionContext {
  readonly server: TransportAddress;
  readonly url: IceUrl;
  readonly unixNow: number;
}

/** A certificate with fewer days left should be looked at: renewal is usually tried a month before. */
const FEW_DAYS = 14;

/** Why no TCP connection came about. */
export function adviseOnConnect(error: TransportError, { server, url }: ConnectionContext): Advice {
  const where = formatTransportAddress(server);
  switch (error.kind) {
    case 'refused':
      return advice(
        'refused',
        `The host is there, but nothing listens at ${where} over TCP.`,
        isSecure(url)
          ? 'Start the server, let it listen for TLS on this very address, or correct the port; the default is 5349. coturn opens no port for TLS when it cannot read its certificate or key: its log says so.'
          : 'Start the server, let it listen for TCP on this very address, or correct the port; the default is 3478.',
      );
    case 'timed-out':
      return advice(
        'connect_timeout',
        `No TCP connection to ${where} comes about: a firewall drops the packets, or the host is down.`,
        `Let TCP port ${server.port} through the firewall of the server and its provider's, and check the address. If only this network drops it, try port 443.`,
      );
    case 'lost':
      return advice(
        'connection_reset',
        `The connection to ${where} is cut as soon as it is made (${error.code}).`,
        'Look whether a firewall or a load balancer in front of the server rejects it, and whether the server behind it runs.',
      );
    case 'unreachable':
      return noRoute(where, error.code);
    default:
      return noSocket(where, error.code);
  }
}

export function noRoute(where: string, code: string): Advice {
  if (code === 'EHOSTUNREACH' || code === 'EHOSTDOWN') {
    return advice(
      'unreachable',
      `The way to ${where} ends before it (${code}): the host is down, no network leads there, or a firewall rejects what is sent to it.`,
      "Check the address, that the host is up, and that its firewall and its provider's let the port through.",
    );
  }
  return advice(
    'unreachable',
    `This machine has no way to ${where} (${code}).`,
    'Check the network connection and local firewall rules; an IPv6 address needs IPv6 on this machine.',
  );
}

export function noSocket(where: string, code: string): Advice {
  return advice(
    'no_socket',
    `This machine gave no socket towards ${where} (${code}).`,
    'Check the limit of open files and the rules of a local firewall.',
  );
}

/** Why TLS did not come about on a connection that was there. */
export function adviseOnTls(error: TransportError, context: ConnectionContext): Advice {
  const where = formatTransportAddress(context.server);
  const plain = `If it is meant to be without TLS, use ${plainUrl(context.url)}; else give the server a certificate and let it speak TLS on this port.`;
  switch (error.kind) {
    case 'not-tls':
      return advice('not_tls', `What answers at ${where} is not TLS.`, plain);
    case 'tls-closed':
      return advice(
        'tls_closed',
        `The connection to ${where} is closed in the middle of the TLS handshake: the port does not speak TLS, or a firewall on the way ends TLS connections.`,
        `${plain} If the server's log shows nothing, try from another network.`,
      );
    case 'timed-out':
      return advice(
        'tls_silent',
        `${where} takes the connection but does not answer the TLS handshake: the port does not speak TLS, or waits for a PROXY header first.`,
        plain,
      );
    case 'tls-refused':
      return /APPLICATION_PROTOCOL/.test(error.code)
        ? otherTlsService(where)
        : advice(
            'tls_refused',
            `The server refuses the TLS handshake (${error.code}): it has no certificate with the key that belongs to it, there is no TLS version or cipher that both sides know, or it wants a certificate of the client.`,
            'Look into its log for a certificate or key that it could not load. Let it offer TLS 1.2 or 1.3 with modern ciphers, and ask for no client certificate (coturn: take out CA-file).',
          );
    default:
      return error.certificate
        ? adviseOnCertificate(error, error.certificate, context)
        : advice(
            'tls_failed',
            `TLS with ${where} failed (${error.code}).`,
            "Look into the server's log for this moment, and try another client: openssl s_client -connect host:port.",
          );
  }
}

/** A server with TLS that does not know the application protocol of TURN (RFC 7443). */
function otherTlsService(where: string): Advice {
  return advice(
    'not_stun',
    `A web server, or another service with TLS, answers at ${where}: it does not know the application protocol stun.turn.`,
    'Check host and port: 5349 is the default of turns:. Behind a load balancer that ends TLS for web sites, pass this port through to the TURN server as plain TCP.',
  );
}

function adviseOnCertificate(
  error: TransportError,
  certificate: CertificateSummary,
  context: ConnectionContext,
): Advice {
  const { host } = context.url;
  switch (error.kind) {
    case 'certificate-expired':
      return advice(
        'certificate_expired',
        `The certificate expired on ${day(certificate.validTo)}, ${inDays(-daysLeft(certificate, context.unixNow))} ago.`,
        'Renew it, and let the server load the new one. If that date is still to come for you, this clock is wrong.',
      );
    case 'certificate-not-yet-valid':
      return advice(
        'certificate_not_yet_valid',
        `The certificate is valid only from ${certificate.validFrom} on.`,
        'Check the clock of this machine first, then the certificate.',
      );
    case 'certificate-wrong-name':
      return advice(
        'certificate_wrong_name',
        `The certificate is for ${namesInWords(certificate)}, and not for ${host}.`,
        `Use one of those names in the URL, or get a certificate that ${host} is in.`,
      );
    case 'certificate-self-signed':
      return advice(
        'certificate_self_signed',
        'The certificate is self-signed, so browsers and phones will not accept it.',
        'Get one from a public certificate authority. If that is what you want, give it to this check with --ca FILE.',
      );
    default:
      return advice(
        'certificate_untrusted',
        `The certificate of ${namesInWords(certificate)} was issued by ${certificate.issuer}, which leads to no authority that is trusted here (${error.code}).`,
        'Let the server send the intermediate certificates too (the full chain). If the authority is your own, give its certificate with --ca FILE. If it should be a public one, something on the way intercepts TLS.',
      );
  }
}

/** A warning when a certificate that is good will not be for long. */
export function certificateWarning(certificate: CertificateSummary, unixNow: number): Advice | undefined {
  const left = daysLeft(certificate, unixNow);
  if (left >= FEW_DAYS) return undefined;
  return advice(
    'certificate_expires_soon',
    `The certificate ends in ${inDays(left)}, on ${day(certificate.validTo)}.`,
    'Renew it, and look why that was not done by itself.',
  );
}

/** What came over a connection in place of the answer to the first request. */
export function adviseOnForeignAnswer(error: TransportError, { server, url }: ConnectionContext): Advice {
  const where = formatTransportAddress(server);
  if (error.kind === 'lost') {
    return advice(
      'connection_lost',
      `${where} takes the connection and closes it at the first STUN message: some other service is there, it limits who may connect, or it waits for a PROXY header first.`,
      "Check host and port, and look into the server's log for this moment. If a load balancer is meant to be in front of the server, use the load balancer's address.",
    );
  }
  if (error.speaks === 'tls') return tlsExpected(server, url);
  return foreignService(error.speaks ?? 'unknown', where);
}

/** TLS was tried, and what answers without is no STUN either; `undefined` where nothing is known of it. */
export function foreignWithoutTls(error: TransportError, { server }: ConnectionContext): Advice | undefined {
  const { speaks } = error;
  return speaks === 'http' || speaks === 'ssh' ? foreignService(speaks, formatTransportAddress(server)) : undefined;
}

/** TLS was tried in vain, and what is there does not answer STUN either. */
export function neitherTlsNorStun({ server }: ConnectionContext): Advice {
  return advice(
    'not_stun',
    `What answers at ${formatTransportAddress(server)} speaks neither TLS nor STUN, so it is some other service.`,
    'Check host and port: 5349 is the default of turns: and stuns:.',
  );
}

function foreignService(speaks: Exclude<ForeignProtocol, 'tls'>, where: string): Advice {
  const what: Record<typeof speaks, string> = {
    http: 'A web server',
    ssh: 'An SSH server',
    unknown: 'Something that does not speak STUN',
  };
  return advice(
    'not_stun',
    `${what[speaks]} answers at ${where}.`,
    'Check host and port: 3478 is the default of turn:, 5349 that of turns:.',
  );
}

/** Plain STUN was sent where TLS is spoken. */
export function tlsExpected(server: TransportAddress, url: IceUrl): Advice {
  return advice(
    'tls_expected',
    `${formatTransportAddress(server)} speaks TLS, and was asked without.`,
    `Use ${formatIceUrl({ ...url, scheme: isStunOnly(url) ? 'stuns' : 'turns', transport: 'tcp' })}.`,
  );
}

/** TLS was tried where plain STUN is spoken. */
export function plainExpected(server: TransportAddress, url: IceUrl): Advice {
  return advice(
    'plain_expected',
    `${formatTransportAddress(server)} answers STUN, but without TLS.`,
    `Use ${plainUrl(url)}, or give the server a certificate and let it speak TLS on this port.`,
  );
}

function plainUrl(url: IceUrl): string {
  // There is no URL for STUN over plain TCP; over UDP the same server answers too.
  return isStunOnly(url)
    ? formatIceUrl({ ...url, scheme: 'stun', transport: 'udp' })
    : formatIceUrl({ ...url, scheme: 'turn', transport: 'tcp' });
}

function day(isoTime: string): string {
  return isoTime.slice(0, 10);
}

function inDays(days: number): string {
  return days === 1 ? 'one day' : `${days} days`;
}
