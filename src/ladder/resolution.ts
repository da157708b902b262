import type { ResolutionError } from '../client/host-resolution.ts';
import type { IceUrl } from '../client/ice-url.ts';
import type { Result } from '../client/result.ts';
import type { ServerEndpoint } from '../client/server-resolution.ts';
import { formatTransportAddress, type IpAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type Advice, advice } from './advice.ts';
import type { Outcome } from './rung.ts';

/** How names become addresses. */
export interface ResolutionDependencies {
  /** The addresses of a host, as browsers look for them. */
  readonly resolveHost: (host: string) => Promise<Result<readonly IpAddress[], ResolutionError>>;
  /** The same with SRV and NAPTR records, which browsers do not look at. When left out, they are not looked at here either. */
  readonly resolveServer?: (url: IceUrl) => Promise<Result<readonly ServerEndpoint[], ResolutionError>>;
}

/**
 * Finds where a server may answer: where a browser would go. Only a name without addresses of its own is followed to where its
 * SRV or NAPTR records lead, and where those lead elsewhere, there is a warning (RFC 5928).
 */
export async function resolveStep(
  url: IceUrl,
  { resolveHost, resolveServer }: ResolutionDependencies,
): Promise<Outcome<readonly TransportAddress[]>> {
  const [own, all] = await Promise.all([resolveHost(url.host), resolveServer?.(url)]);
  const addresses = own.ok ? own.value.map((ip) => ({ ip, port: url.port })) : [];
  const records = all?.ok ? all.value.filter(({ via }) => via === 'srv' || via === 'naptr') : [];
  const elsewhere = records.map(({ address }) => address).filter((one) => !addresses.some((other) => same(one, other)));
  if (own.ok && addresses.length > 0) {
    return resolved(addresses, elsewhere.length > 0 ? [elsewhereWarning(url, addresses, elsewhere)] : []);
  }
  if (elsewhere.length > 0) return resolved(elsewhere, [onlyRecordsWarning(url, elsewhere)]);
  const error = own.ok ? { code: 'ENODATA' } : own.error;
  return { passed: false, detail: error.code, problem: adviseOnResolution(url.host, error) };
}

export function adviseOnResolution(host: string, { code }: ResolutionError): Advice {
  switch (code) {
    case 'EAI_AGAIN':
    case 'ETIMEOUT':
    case 'ECONNREFUSED':
      return advice(
        'dns_unavailable',
        `No DNS server answered when asked for ${host} (${code}).`,
        'Check the network connection and the DNS settings of this machine.',
      );
    case 'ESERVFAIL':
    case 'EAI_FAIL':
      return advice(
        'dns_failed',
        `The DNS server could not find out about ${host} (${code}): the name servers of the domain do not answer, or its DNSSEC signatures are wrong.`,
        'Ask another DNS server for the name (dig @9.9.9.9 and the name). If that fails too, the domain has to be mended where it is hosted.',
      );
    case 'ENODATA':
      return advice(
        'name_without_address',
        `The name ${host} exists but has no address (${code}).`,
        'Give it an A record, or an AAAA record for IPv6. If it has only an address of a family that this machine does not use, check from another network.',
      );
    default:
      return advice(
        'name_not_found',
        `The name ${host} does not resolve to an address (${code}).`,
        host.endsWith('.local')
          ? 'Names in .local are found only in the local network, by machines that look for them there: use the address, or a name in the DNS.'
          : 'Check its spelling, and that it has an A or AAAA record.',
      );
  }
}

function elsewhereWarning(
  { host }: IceUrl,
  addresses: readonly TransportAddress[],
  elsewhere: readonly TransportAddress[],
): Advice {
  return advice(
    'srv_elsewhere',
    `The DNS records for services of ${host} (SRV, NAPTR) lead to ${listed(elsewhere)}, but browsers do not read them: they go to ${listed(addresses)}, as this check does.`,
    'Give browsers the host and port of the server itself in the URL, and let the records say the same.',
  );
}

function onlyRecordsWarning({ host }: IceUrl, elsewhere: readonly TransportAddress[]): Advice {
  return advice(
    'srv_only',
    `${host} has no address of its own; its DNS records for services (SRV, NAPTR) lead to ${listed(elsewhere)}. Browsers do not read those, so this URL does not work in them.`,
    'Give browsers the host and port of the server itself in the URL.',
  );
}

function resolved(
  value: readonly TransportAddress[],
  warnings: readonly Advice[],
): Outcome<readonly TransportAddress[]> {
  const addresses = value.map(({ ip }) => ip.text);
  return { passed: true, value, detail: addresses.join(', '), facts: { addresses }, warnings };
}

function listed(addresses: readonly TransportAddress[]): string {
  return addresses.map(formatTransportAddress).join(' and ');
}

function same(one: TransportAddress, other: TransportAddress): boolean {
  return one.port === other.port && sameAddress(one.ip, other.ip);
}
