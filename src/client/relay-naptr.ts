import type { DnsResolver, NaptrRecord } from './dns-resolver.ts';
import { success } from './result.ts';
import { defaultPort, endpointOf, type ServerEndpoint, type ServerTransport } from './server-endpoint.ts';
import { type Endpoints, followSrv, type ServerSearch } from './service-records.ts';

/** How many NAPTR records may follow each other. */
const MAX_DEPTH = 5;
/** How many records of one set are followed. */
const MAX_RECORDS = 16;

/** The application protocol tags of RFC 5928 §6.2. */
const tags: Readonly<Record<ServerTransport, string>> = { udp: 'turn.udp', tcp: 'turn.tcp', tls: 'turn.tls' };

/**
 * The places that a domain's NAPTR records lead to, by the S-NAPTR of RFC 3958 with the service `RELAY` (RFC 5928 §3 step 4). The
 * first set of records decides which transport comes first; where it has no opinion, the caller's order does.
 *
 * @returns nothing when there are no such records, or none that leads anywhere.
 */
export async function findThroughNaptr(search: ServerSearch): Promise<readonly ServerEndpoint[]> {
  const { url, transports } = search;
  const first = await relayRecords(search.dns, url.host);
  const ranked = transports
    .map((transport) => ({ transport, rank: first.findIndex((record) => offers(record, transport)) }))
    .filter(({ rank }) => rank >= 0)
    .map(({ transport, rank }) => ({ transport, record: first[rank]! }))
    .sort((a, b) => compareRecords(a.record, b.record));
  const found = ranked.map(({ transport }) => follow(search, transport, url.host, []));
  return (await Promise.all(found)).flat();
}

/** Follows the records of a domain for one transport, and those that they lead to. */
async function follow(
  search: ServerSearch,
  transport: ServerTransport,
  domain: string,
  cameFrom: readonly string[],
): Promise<readonly ServerEndpoint[]> {
  const path = [...cameFrom, canonical(domain)];
  const records = (await relayRecords(search.dns, domain)).filter((record) => offers(record, transport));
  const found = records.slice(0, MAX_RECORDS).map(async ({ flags, replacement }) => {
    const flag = flags.toLowerCase();
    if (flag === 's') return orNothing(await followSrv(search, transport, replacement, 'naptr'));
    if (flag === 'a') return orNothing(await followAddress(search, transport, replacement));
    if (flag !== '' || path.length >= MAX_DEPTH || path.includes(canonical(replacement))) return [];
    return follow(search, transport, replacement, path);
  });
  return (await Promise.all(found)).flat();
}

async function followAddress({ url, dns }: ServerSearch, transport: ServerTransport, host: string): Promise<Endpoints> {
  const addresses = await dns.addresses(host);
  if (!addresses.ok) return addresses;
  const port = defaultPort(transport);
  return success(addresses.value.map((ip) => endpointOf(url, transport, { ip, port }, { via: 'naptr', host })));
}

/** The records of the service, in their order. A record that is left to a regular expression is none of S-NAPTR. */
async function relayRecords(dns: DnsResolver, domain: string): Promise<readonly NaptrRecord[]> {
  const records = await dns.naptr(domain);
  if (!records.ok) return [];
  return records.value.filter((record) => isRelay(record) && record.regexp === '').sort(compareRecords);
}

function isRelay({ service }: NaptrRecord): boolean {
  return /^relay(:|$)/i.test(service);
}

function offers({ service }: NaptrRecord, transport: ServerTransport): boolean {
  return service.toLowerCase().split(':').slice(1).includes(tags[transport]);
}

function compareRecords(a: NaptrRecord, b: NaptrRecord): number {
  return a.order - b.order || a.preference - b.preference;
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function orNothing(found: Endpoints): readonly ServerEndpoint[] {
  return found.ok ? found.value : [];
}
