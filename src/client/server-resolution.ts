import { IpAddress, sameAddress } from '../stun/ip-address.ts';
import type { DnsResolver } from './dns-resolver.ts';
import { type IceUrl, isSecure, isStunOnly } from './ice-url.ts';
import { findThroughNaptr } from './relay-naptr.ts';
import { RememberingDns } from './remembering-dns.ts';
import { failure, success } from './result.ts';
import { defaultPort, endpointOf, type ServerEndpoint, type ServerTransport } from './server-endpoint.ts';
import { allOf, type Endpoints, followSrv, MAX_ENDPOINTS, type ServerSearch, serviceName } from './service-records.ts';

export type { DnsResolver, ResolutionError } from './dns-resolver.ts';
export type { EndpointOrigin, ServerEndpoint, ServerTransport } from './server-endpoint.ts';

/** How to look for a server. */
export interface ResolveServerOptions {
  /**
   * What the caller can speak, in its order of preference. When left out, the URL's own transport, as with browsers: UDP for
   * `turn:host`, TLS for `turns:host`. A URL with `?transport=` is never reached over another one.
   */
  readonly transports?: readonly ServerTransport[];
  /** A number from 0 up to 1, for the order among SRV records of equal priority (RFC 2782). */
  readonly random?: () => number;
}

/**
 * Finds where a server may answer, in the order in which to try: by RFC 5928 §3 for `turn:` and `turns:`, by RFC 8489 §8 for
 * `stun:` and `stuns:`. An IP address or a URL with a port needs no SRV and no NAPTR records, one with a transport no NAPTR; all
 * questions that may be needed are asked at once.
 *
 * Errors: the code of the resolver when the host has no address; `ENOSERVICE` when its SRV records say that there is no such
 * service; `ENOTRANSPORT` when none of the transports can be used with this URL, as with `turns:` over UDP, which is DTLS.
 *
 * @example
 * const url = parseIceUrl('turn:example.org');
 * if (url.ok) console.log(await resolveServer(url.value, systemDns()));
 */
export async function resolveServer(
  url: IceUrl,
  dns: DnsResolver,
  options: ResolveServerOptions = {},
): Promise<Endpoints> {
  const transports = usableTransports(url, options.transports);
  if (transports.length === 0) return failure({ code: 'ENOTRANSPORT' });
  const random = options.random ?? Math.random;
  const search: ServerSearch = { url, dns: new RememberingDns(dns), transports, random };
  const found = url.impliedPort && hasServiceRecords(url.host) ? await byRecords(search) : await byAddress(search);
  return found.ok ? success(withoutRepeats(found.value).slice(0, MAX_ENDPOINTS)) : found;
}

/** RFC 5928 §3: the caller's transports, less what the URL rules out. */
function usableTransports(url: IceUrl, wanted: readonly ServerTransport[] | undefined): readonly ServerTransport[] {
  const own = ownTransport(url);
  if (!own) return [];
  const usable = (wanted ?? [own]).filter((transport) => {
    if (!url.impliedTransport || isSecure(url)) return transport === own;
    // TLS at a `turn:` server is found through NAPTR or `_turns._tcp` (RFC 5928 §3); a `stun:` URL is without (RFC 8489 §8).
    return transport !== 'tls' || !isStunOnly(url);
  });
  return [...new Set(usable)];
}

function ownTransport(url: IceUrl): ServerTransport | undefined {
  if (!isSecure(url)) return url.transport;
  return url.transport === 'tcp' ? 'tls' : undefined;
}

/** Addresses, and names of this machine or of its link, have no records in the DNS (RFC 6761 §6.3, RFC 6762 §3). */
function hasServiceRecords(host: string): boolean {
  return !IpAddress.parse(host) && !/(^|\.)(localhost|local)\.?$/i.test(host);
}

async function byRecords(search: ServerSearch): Promise<Endpoints> {
  const { url, dns, transports } = search;
  // So that nobody waits for one answer after the other; what is not needed in the end costs a packet.
  void dns.addresses(url.host);
  for (const transport of transports) void dns.srv(serviceName(url, transport));
  if (url.impliedTransport && !isStunOnly(url)) {
    const found = await findThroughNaptr(search);
    if (found.length > 0) return success(found);
  }
  return allOf(await Promise.all(transports.map((transport) => byService(search, transport))));
}

/** The SRV records of a transport; where there are none, the addresses of the host itself (RFC 5928 §3 steps 3 and 5). */
async function byService(search: ServerSearch, transport: ServerTransport): Promise<Endpoints> {
  const name = serviceName(search.url, transport);
  const records = await search.dns.srv(name);
  if (records.ok && records.value.length > 0) return followSrv(search, transport, name, 'srv');
  return byAddress({ ...search, transports: [transport] });
}

async function byAddress({ url, dns, transports }: ServerSearch): Promise<Endpoints> {
  const literal = IpAddress.parse(url.host);
  const addresses = literal ? success([literal]) : await dns.addresses(url.host);
  if (!addresses.ok) return addresses;
  const via = literal ? 'literal' : 'address';
  const found = transports.flatMap((transport) => {
    const port = url.impliedPort ? defaultPort(transport) : url.port;
    return addresses.value.map((ip) => endpointOf(url, transport, { ip, port }, { via }));
  });
  return found.length > 0 ? success(found) : failure({ code: 'ENODATA' });
}

function withoutRepeats(endpoints: readonly ServerEndpoint[]): readonly ServerEndpoint[] {
  const isSame = (a: ServerEndpoint, b: ServerEndpoint) =>
    a.transport === b.transport && a.address.port === b.address.port && sameAddress(a.address.ip, b.address.ip);
  return endpoints.filter((one, index) => endpoints.findIndex((other) => isSame(one, other)) === index);
}
