import type { Configuration } from '../config/settings.ts';
import type { UdpListener } from '../listeners/udp-listener.ts';
import { IpAddress, sameAddress } from '../stun/ip-address.ts';
import { type DiscoveryAddresses, NatDiscovery } from '../turn/nat-discovery.ts';
import { families } from './relay-addresses.ts';

/** The sockets of NAT behaviour discovery, and a sentence for each family that was asked for and cannot have it. */
export interface DiscoverySetup {
  readonly discovery: NatDiscovery | undefined;
  readonly notices: readonly string[];
}

/**
 * Sets up NAT behaviour discovery (RFC 5780) between the two addresses and two ports of each family. A family of which one of
 * the four sockets is not open takes no part: clients would draw wrong conclusions from answers that never come.
 */
export function setUpNatDiscovery(
  { natDiscovery }: Configuration,
  listeners: readonly UdpListener[],
  ports: readonly [number | undefined, number | undefined],
): DiscoverySetup {
  const [main, alternate] = ports;
  const complete: DiscoveryAddresses[] = [];
  const notices: string[] = [];
  for (const family of families) {
    const [first, second] = natDiscovery[family].map((text) => IpAddress.parse(text)!);
    if (first === undefined || second === undefined) continue;
    const isOpen = (ip: IpAddress, port: number) =>
      listeners.some(({ local }) => local.port === port && sameAddress(local.ip, ip));
    if (
      main !== undefined &&
      alternate !== undefined &&
      [first, second].every((ip) => isOpen(ip, main) && isOpen(ip, alternate))
    ) {
      complete.push({ addresses: [first, second], ports: [main, alternate] });
    } else {
      notices.push(
        `NAT discovery is off for ${family === 'ipv4' ? 'IPv4' : 'IPv6'}: this machine does not have both addresses of natDiscovery.${family}.`,
      );
    }
  }
  return { discovery: complete.length > 0 ? new NatDiscovery(complete, listeners) : undefined, notices };
}
