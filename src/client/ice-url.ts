import { isIPv4, isIPv6 } from 'node:net';
import { failure, type Result, success } from './result.ts';

/** A STUN or TURN server as applications write it: RFC 7064 §3.1 and RFC 7065 §3.1. */
export interface IceUrl {
  readonly scheme: 'stun' | 'stuns' | 'turn' | 'turns';
  /** A name, or an IP address without brackets. */
  readonly host: string;
  /** As given, else 3478, or 5349 for the schemes over TLS. */
  readonly port: number;
  /** How the client reaches the server; `tcp` with the schemes ending in `s` is TLS. */
  readonly transport: 'udp' | 'tcp';
  /** Set when the text named no port: SRV records may then name another (RFC 5928, RFC 8489 §8). */
  readonly impliedPort?: true;
  /** Set when the text named no transport: NAPTR records may then name others (RFC 5928). */
  readonly impliedTransport?: true;
}

/** Why a text is no STUN or TURN URI, as a sentence for whoever typed it. */
export interface IceUrlError {
  readonly reason: string;
}

const schemes = new Map<string, Pick<IceUrl, 'scheme' | 'port' | 'transport'>>([
  ['stun', { scheme: 'stun', port: 3478, transport: 'udp' }],
  ['stuns', { scheme: 'stuns', port: 5349, transport: 'tcp' }],
  ['turn', { scheme: 'turn', port: 3478, transport: 'udp' }],
  ['turns', { scheme: 'turns', port: 5349, transport: 'tcp' }],
]);

/**
 * Reads a `stun:`, `stuns:`, `turn:` or `turns:` URI (RFC 7064, RFC 7065). The error is a sentence that says what is wrong with it.
 *
 * @example parseIceUrl('turn:[2001:db8::1]:3478?transport=udp')
 */
export function parseIceUrl(text: string): Result<IceUrl, IceUrlError> {
  const colon = text.indexOf(':');
  const defaults = schemes.get(text.slice(0, Math.max(colon, 0)).toLowerCase());
  if (!defaults) return refuse('it must start with stun:, turn: or turns:');
  const rest = text.slice(colon + 1);
  if (rest.startsWith('//'))
    return refuse(`there are no slashes in these URIs: write ${defaults.scheme}:${rest.slice(2)}`);
  const question = rest.indexOf('?');
  const transport = question < 0 ? success(defaults.transport) : parseQuery(defaults, rest.slice(question + 1));
  if (!transport.ok) return transport;
  const address = parseHostAndPort(question < 0 ? rest : rest.slice(0, question), defaults.port);
  if (!address.ok) return address;
  return success({
    scheme: defaults.scheme,
    ...address.value,
    transport: transport.value,
    ...(question < 0 && { impliedTransport: true }),
  });
}

/** Whether the server is to be reached over TLS. */
export function isSecure({ scheme }: IceUrl): boolean {
  return scheme === 'stuns' || scheme === 'turns';
}

/** Whether only STUN is asked of the server. */
export function isStunOnly({ scheme }: IceUrl): boolean {
  return scheme === 'stun' || scheme === 'stuns';
}

/** The URI, with what is default left out. */
export function formatIceUrl({ scheme, host, port, transport }: IceUrl): string {
  const defaults = schemes.get(scheme)!;
  const authority = isIPv6(host) ? `[${host}]` : host;
  return `${scheme}:${authority}${port === defaults.port ? '' : `:${port}`}${transport === defaults.transport ? '' : `?transport=${transport}`}`;
}

function parseQuery(defaults: Pick<IceUrl, 'scheme'>, query: string): Result<IceUrl['transport'], IceUrlError> {
  const { scheme } = defaults;
  if (scheme === 'stun' || scheme === 'stuns') return refuse(`a ${scheme}: URI takes nothing after a question mark`);
  const match = /^transport=(.*)$/i.exec(query);
  if (!match) return refuse('after the question mark only transport=udp or transport=tcp may stand');
  const transport = match[1]!.toLowerCase();
  if (transport !== 'udp' && transport !== 'tcp') return refuse(`the transport must be udp or tcp, not "${match[1]}"`);
  return success(transport);
}

type Authority = Pick<IceUrl, 'host' | 'port' | 'impliedPort'>;

function parseHostAndPort(text: string, defaultPort: number): Result<Authority, IceUrlError> {
  if (text.includes('@')) return refuse('user name and password do not belong in the URI');
  if (text.startsWith('[')) {
    const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
    if (!match || !isIPv6(match[1]!) || match[1]!.includes('%'))
      return refuse('between the brackets there is no IPv6 address');
    return withPort(match[1]!, match[2], defaultPort);
  }
  if (isIPv6(text)) return refuse(`an IPv6 address needs brackets: [${text}]`);
  const [host = '', port, ...more] = text.split(':');
  if (more.length > 0) return refuse('there is more than one port in it');
  if (host === '') return refuse('it names no host');
  if (!isHostName(host)) return refuse(`"${host}" is no host name and no IP address`);
  return withPort(host, port, defaultPort);
}

function withPort(host: string, port: string | undefined, defaultPort: number): Result<Authority, IceUrlError> {
  if (port === undefined) return success({ host, port: defaultPort, impliedPort: true });
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65535) return refuse(`the port must be a number from 1 to 65535, not "${port}"`);
  return success({ host, port: number });
}

/** Whether a text may name a host, as a name or as an IPv4 address. */
export function isHostName(host: string): boolean {
  if (isIPv4(host)) return true;
  // What consists of digits and dots only, or ends in a number, was meant as an address and is a wrong one.
  if (/(^|\.)(\d+|0x[0-9a-f]*)\.?$/i.test(host)) return false;
  return (
    host.length <= 253 &&
    /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i.test(host)
  );
}

function refuse(reason: string) {
  return failure<IceUrlError>({ reason });
}
