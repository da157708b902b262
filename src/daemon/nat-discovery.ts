import type { Configuration } from '../config/settings.ts';
import { IpAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { DiscoveryAddresses } from '../turn/nat-discovery.ts';
import { families } from './relay-addresses.ts';

/** The families that take part in NAT behaviour discovery, and a sentence for each that was asked for and cannot. */
export interface DiscoverySetup {
  readonly families: readonly DiscoveryAddresses[];
  readonly notices: readonly string[];
}

/**
 * Decides about NAT behaviour discovery (RFC 5780) between the two addresses and two ports of each family. A family of which one of
 * the four sockets is not open takes no part: clients would draw wrong conclusions from answers that never come.
 */
export function planNatDiscovery(
  { natDiscovery }: Configuration,
  listening: readonly TransportAddress[],
  ports: readonly [number | undefined, number | undefined],
): DiscoverySetup {
  const [main, alternate] = ports;
  const complete: DiscoveryAddresses[] = [];
  const notices: string[] = [];
  for (const family of families) {
    const [first, second] = natDiscovery[family].map((text) => IpAddress.parse(text)!);
    if (first === undefined || second === undefined) continue;
    const isOpen = (ip: IpAddress, port: number) =>
      listening.some((local) => local.port === port && sameAddress(local.ip, ip));
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
  return { families: complete, notices };
}
