import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { IceUrl } from './ice-url.ts';

/** How a client reaches a server; `tls` is TLS over TCP. */
export type ServerTransport = 'udp' | 'tcp' | 'tls';

/**
 * Where the address of a server comes from. Browsers ask for addresses only: to them a server that is found through `srv` or
 * `naptr` is at another place, or at none. `redirect`: another server sent the client there (ALTERNATE-SERVER).
 */
export type EndpointOrigin = 'literal' | 'address' | 'srv' | 'naptr' | 'redirect';

/** One place where a server may answer. */
export interface ServerEndpoint {
  readonly transport: ServerTransport;
  readonly address: TransportAddress;
  readonly via: EndpointOrigin;
  /** The host that has this address: the one in the URL, or the target of an SRV or NAPTR record. */
  readonly host: string;
  /**
   * What the certificate must be for, over TLS: the host in the URL, whatever the DNS says, which cannot vouch for another name
   * (RFC 5928 §5); after a redirection its ALTERNATE-DOMAIN, where it has one (RFC 8489 §10).
   */
  readonly serverName: string;
}

/** Where an endpoint was found. */
export interface Discovery {
  readonly via: EndpointOrigin;
  /** The host that has the address; the URL's own when left out. */
  readonly host?: string;
}

/** One place of the server that a URL names. */
export function endpointOf(
  url: IceUrl,
  transport: ServerTransport,
  address: { readonly ip: IpAddress; readonly port: number },
  { via, host = url.host }: Discovery,
): ServerEndpoint {
  return { transport, address, via, host, serverName: url.host };
}

/** The port of a service that names none: 3478, and 5349 over TLS (RFC 8489 §8.1, RFC 8656 §17). */
export function defaultPort(transport: ServerTransport): number {
  return transport === 'tls' ? 5349 : 3478;
}
