import { lookup } from 'node:dns/promises';
import { IpAddress } from '../stun/ip-address.ts';
import { failure, type Result, success } from './result.ts';

/** Why a host name gave no address. */
export interface ResolutionError {
  /** The resolver's name for it, such as `ENOTFOUND` or `EAI_AGAIN`. */
  readonly code: string;
}

/** Finds the addresses of a host as the system resolves them, in its order. An IP address is its own. */
export async function resolveHost(host: string): Promise<Result<readonly IpAddress[], ResolutionError>> {
  const literal = IpAddress.parse(host);
  if (literal) return success([literal]);
  try {
    const found = await lookup(host, { all: true });
    const addresses = found.flatMap(({ address }) => IpAddress.parse(address) ?? []);
    return addresses.length > 0 ? success(addresses) : failure({ code: 'ENODATA' });
  } catch (error) {
    return failure({ code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' });
  }
}
