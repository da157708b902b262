import type { DnsResolver, ResolutionError, SrvRecord } from './dns-resolver.ts';
import type { IceUrl } from './ice-url.ts';
import { failure, type Result, success } from './result.ts';
import { type EndpointOrigin, endpointOf, type ServerEndpoint, type ServerTransport } from './server-endpoint.ts';

/** More places than these are not worth trying, whatever a domain's records say. */
export const MAX_ENDPOINTS = 32;

/** What a search for a server goes by. */
export interface ServerSearch {
  readonly url: IceUrl;
  readonly dns: DnsResolver;
  /** In the caller's order of preference. */
  readonly transports: readonly ServerTransport[];
  readonly random: () => number;
}

/** Places in the order in which to try them; none is a failure. */
export type Endpoints = Result<readonly ServerEndpoint[], ResolutionError>;

/** Such as `_turn._udp.example.org` (RFC 5928 §3, RFC 8489 §8.1). */
export function serviceName({ scheme, host }: IceUrl, transport: ServerTransport): string {
  const service = scheme.startsWith('stun') ? 'stun' : 'turn';
  return transport === 'tls' ? `_${service}s._tcp.${host}` : `_${service}._${transport}.${host}`;
}

/** The places that the SRV records of a name lead to (RFC 2782). */
export async function followSrv(
  search: ServerSearch,
  transport: ServerTransport,
  name: string,
  via: EndpointOrigin,
): Promise<Endpoints> {
  const { url, dns, random } = search;
  const records = await dns.srv(name);
  if (!records.ok) return failure({ name, ...records.error });
  if (refusesService(records.value)) return failure({ code: 'ENOSERVICE', name });
  const targets = inOrderOfTrial(records.value, random).slice(0, MAX_ENDPOINTS);
  const found = targets.map(async ({ target, port }): Promise<Endpoints> => {
    const addresses = await dns.addresses(target);
    if (!addresses.ok) return failure({ name: target, ...addresses.error });
    return success(addresses.value.map((ip) => endpointOf(url, transport, { ip, port }, { via, host: target })));
  });
  return allOf(await Promise.all(found));
}

/** All that was found, in order; the first failure when that is nothing. */
export function allOf(results: readonly Endpoints[]): Endpoints {
  const found = results.flatMap((result) => (result.ok ? result.value : []));
  if (found.length > 0) return success(found);
  return results.find((result) => !result.ok) ?? failure({ code: 'ENODATA' });
}

/** A single record without a target says that the domain has no such service (RFC 2782). */
function refusesService(records: readonly SrvRecord[]): boolean {
  return records.length > 0 && records.every(({ target }) => isNowhere(target));
}

/**
 * The order in which RFC 2782 has a client try the targets: by priority, and among equals at random, by weight.
 *
 * @param random a number from 0 up to 1.
 */
export function inOrderOfTrial(records: readonly SrvRecord[], random: () => number): readonly SrvRecord[] {
  const usable = records.filter(({ target, port }) => !isNowhere(target) && port > 0);
  const priorities = [...new Set(usable.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((wanted) =>
    shuffledByWeight(
      usable.filter(({ priority }) => priority === wanted),
      random,
    ),
  );
}

function shuffledByWeight(records: readonly SrvRecord[], random: () => number): readonly SrvRecord[] {
  // Those without weight come first, so that they have a small chance too.
  const left = [...records].sort((a, b) => Number(a.weight > 0) - Number(b.weight > 0));
  const chosen: SrvRecord[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0);
    const drawn = Math.floor(random() * (total + 1));
    let sum = 0;
    const index = left.findIndex(({ weight }) => {
      sum += weight;
      return sum >= drawn;
    });
    chosen.push(...left.splice(index, 1));
  }
  return chosen;
}

function isNowhere(target: string): boolean {
  return target === '' || target === '.';
}
