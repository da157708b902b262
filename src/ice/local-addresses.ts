import { type IpAddress, isLoopback } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { isOfOneNetwork, makesCandidate } from './address-kinds.ts';

/** An interface that is up. */
export interface LocalInterface {
  readonly name: string;
  /** Whether it is a VPN or the bridge of virtual machines: its addresses come after the others (RFC 8445 §5.1.2.2). */
  readonly secondary?: boolean;
  readonly addresses: readonly IpAddress[];
}

/** An address from which candidates are gathered. */
export interface LocalAddress {
  readonly ip: IpAddress;
  readonly interfaceName: string;
  /** From 0 for the most preferred one. */
  readonly rank: number;
}

export interface LocalAddressOptions {
  readonly families: readonly AddressFamily[];
  /** Whether loopback addresses are wanted. Where there is nothing else they are taken in any case. */
  readonly loopback: boolean;
}

/**
 * The addresses that make host candidates (RFC 8445 §5.1.1.1), in order of preference: public IPv6 before IPv4 before addresses of
 * one network in IPv6 (RFC 6724 §2.1), those of VPNs and bridges after all others, loopback last.
 */
export function localAddresses(interfaces: readonly LocalInterface[], options: LocalAddressOptions): LocalAddress[] {
  const all = interfaces.flatMap((one) =>
    one.addresses
      .filter((ip) => options.families.includes(ip.family) && makesCandidate(ip))
      .map((ip) => ({ ip, interfaceName: one.name, order: orderOf(ip, one.secondary === true) })),
  );
  const beyond = all.filter(({ ip }) => !isLoopback(ip));
  const chosen = options.loopback || beyond.length === 0 ? all : beyond;
  return chosen.sort((a, b) => a.order - b.order).map(({ ip, interfaceName }, rank) => ({ ip, interfaceName, rank }));
}

function orderOf(ip: IpAddress, secondary: boolean): number {
  if (isLoopback(ip)) return 6;
  const isIpv6 = ip.family === AddressFamily.ipv6;
  return (secondary ? 3 : 0) + (isIpv6 ? (isOfOneNetwork(ip) ? 2 : 0) : 1);
}
