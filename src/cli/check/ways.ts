import { formatIceUrl, type IceUrl, isStunOnly } from '../../client/ice-url.ts';
import type { LadderReport, RungName } from '../../ladder/rung.ts';

const stunPort = 3478;
const stunTlsPort = 5349;
/** Where firewalls let everything through. */
const httpsPort = 443;

/** The most that there are, with the one in the URL: two over UDP, two over TCP, three over TLS, and that one. */
export const MOST_WAYS = 8;

/**
 * The other ways that a server usually offers beside the one in the URL: plain on 3478, over TLS on 5349 and 443. Where the URL names
 * another port, all of them are tried there too.
 */
export function otherWays(url: IceUrl): readonly IceUrl[] {
  const { host, port } = url;
  const plainPorts = port === stunTlsPort ? [stunPort] : [stunPort, port];
  const securePorts = port === stunPort ? [stunTlsPort, httpsPort] : [stunTlsPort, httpsPort, port];
  const udp = plainPorts.map((p): IceUrl => ({ ...plain(url), host, port: p, transport: 'udp' }));
  // There is no URL for STUN over plain TCP.
  const tcp = isStunOnly(url) ? [] : udp.map((way): IceUrl => ({ ...way, transport: 'tcp' }));
  const tls = securePorts.map((p): IceUrl => ({ ...secure(url), host, port: p, transport: 'tcp' }));
  const ways = new Map([...udp, ...tcp, ...tls].map((way) => [formatIceUrl(way), way]));
  ways.delete(formatIceUrl(url));
  return [...ways.values()];
}

function plain(url: IceUrl): Pick<IceUrl, 'scheme'> {
  return { scheme: isStunOnly(url) ? 'stun' : 'turn' };
}

function secure(url: IceUrl): Pick<IceUrl, 'scheme'> {
  return { scheme: isStunOnly(url) ? 'stuns' : 'turns' };
}

/** What the failure of a step says when nobody has promised that a TURN server is there. */
const absent = new Map<RungName, ReadonlyMap<string, string>>([
  [
    'connect',
    new Map([
      ['refused', 'nothing listens there'],
      ['connect_timeout', 'no connection comes about'],
      ['connection_reset', 'connections are cut'],
      ['unreachable', 'no connection comes about'],
    ]),
  ],
  [
    'tls',
    new Map([
      ['not_tls', 'no TLS there'],
      ['tls_closed', 'no TLS there'],
      ['tls_silent', 'no TLS there'],
      ['plain_expected', 'no TLS there'],
      ['tls_refused', 'some other service is there'],
      ['not_stun', 'some other service is there'],
    ]),
  ],
  [
    'binding',
    new Map([
      ['refused', 'nothing listens there'],
      ['unreachable', 'nothing answers'],
      ['no_answer', 'nothing answers'],
      ['tls_expected', 'only TLS there'],
      ['not_stun', 'some other service is there'],
      ['connection_lost', 'some other service is there'],
      ['malformed_response', 'some other service is there'],
    ]),
  ],
]);

/**
 * Why a way that was only guessed is not offered, in a few words; `undefined` when it passed, or a TURN server is there and it fails
 * all the same.
 */
export function whyNotOffered({ port }: IceUrl, { rungs }: LadderReport): string | undefined {
  const last = rungs.at(-1);
  if (last?.problem === undefined) return undefined;
  const { code } = last.problem;
  // A web site has a certificate for its own name.
  if (last.name === 'tls' && code === 'certificate_wrong_name' && port === httpsPort)
    return 'some other service is there';
  return absent.get(last.name)?.get(code);
}
