import type { IpAddress } from '../stun/ip-address.ts';
import type { ResolutionError } from './dns-resolver.ts';
import type { Result } from './result.ts';
import { systemDns } from './system-dns.ts';

export type { ResolutionError } from './dns-resolver.ts';

/**
 * Finds the addresses of a host as the system resolves them, in its order. An IP address is its own. Where a URL is to be resolved,
 * use `resolveServer`, which knows the port and what else the DNS says.
 */
export function resolveHost(host: string): Promise<Result<readonly IpAddress[], ResolutionError>> {
  return systemDns().addresses(host);
}
