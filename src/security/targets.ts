import { failure, type Result, success } from '../client/result.ts';
import { type IpAddress, sameAddress } from '../stun/ip-address.ts';
import { type AddressClass, classOf } from './address-class.ts';

/** An address of this host. */
export interface HostAddress {
  readonly ip: IpAddress;
  /** The interface, which a link-local address needs to mean anything. */
  readonly zone?: string;
}

/** An address of this host that a safe server does not relay to. */
export interface SecurityTarget extends HostAddress {
  readonly addressClass: AddressClass;
}

/** A target that was asked for and is none. */
export interface SecurityTargetError {
  readonly code: 'not_on_this_host';
  /** A sentence for whoever named it. */
  readonly message: string;
}

/** A host with many containers has many bridges, all alike to a server. */
const MAX_OF_A_CLASS = 4;

/**
 * What may be tried as a peer: never more than this host, so that nobody's server is used against others.
 *
 * @param named addresses that the operator adds, such as a public one behind whose firewall there is something to protect.
 * @returns the host's addresses that are no public ones, at most four of each class and family, and after them the named ones. Which
 *   are left out, the report says.
 */
export function securityTargets(
  hostAddresses: readonly HostAddress[],
  named: readonly IpAddress[] = [],
): Result<readonly SecurityTarget[], SecurityTargetError> {
  const foreign = named.find((ip) => ownAddress(hostAddresses, ip) === undefined);
  if (foreign) return failure(notHere(foreign, hostAddresses));
  const chosen: SecurityTarget[] = [];
  const add = (address: HostAddress) => {
    if (chosen.some(({ ip }) => sameAddress(ip, address.ip))) return;
    chosen.push({ ...address, addressClass: classOf(address.ip) });
  };
  for (const address of hostAddresses) {
    const addressClass = classOf(address.ip);
    const { family } = address.ip;
    const alike = chosen.filter((other) => other.addressClass === addressClass && other.ip.family === family);
    if (addressClass !== 'public' && alike.length < MAX_OF_A_CLASS) add(address);
  }
  for (const ip of named) add(ownAddress(hostAddresses, ip)!);
  return success(chosen);
}

function ownAddress(hostAddresses: readonly HostAddress[], ip: IpAddress): HostAddress | undefined {
  const own = hostAddresses.find((address) => sameAddress(address.ip, ip));
  // All of 127.0.0.0/8 is this host, though its interface names one of them.
  const isLoopback = classOf(ip) === 'loopback' && hostAddresses.some((address) => classOf(address.ip) === 'loopback');
  return own ?? (isLoopback ? { ip } : undefined);
}

function notHere(ip: IpAddress, hostAddresses: readonly HostAddress[]): SecurityTargetError {
  const own = [...new Set(hostAddresses.map(({ ip: { text } }) => text))].join(', ');
  return {
    code: 'not_on_this_host',
    message: `${ip.text} is no address of this host, and nobody else's is tried. Name one of ${own}, or run this on the host that has it.`,
  };
}
