import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

const UDP_HEADER = 8;
const IP_HEADER = new Map<AddressFamily, number>([
  [AddressFamily.ipv4, 20],
  [AddressFamily.ipv6, 40],
]);

/**
 * Whether this system's UDP sockets send with the Don't Fragment bit without being asked, which Node cannot ask for.
 * Linux does (`ip_no_pmtu_disc` is 0), for all packets that fit the path.
 */
export function setsDontFragment(): boolean {
  return readText('/proc/sys/net/ipv4/ip_no_pmtu_disc') === '0';
}

/** Whether a payload leaves through the interface of this local address in one piece. */
export function fitsWithoutFragments(local: IpAddress, payloadBytes: number): boolean {
  return payloadBytes + UDP_HEADER + IP_HEADER.get(local.family)! <= mtuOf(local);
}

const mtus = new Map<string, number>();
const ETHERNET_MTU = 1500;

function mtuOf(local: IpAddress): number {
  let mtu = mtus.get(local.text);
  if (mtu === undefined) {
    const name = Object.entries(networkInterfaces()).find(([, addresses]) =>
      addresses?.some(({ address }) => address === local.text),
    )?.[0];
    mtu = Number(name && readText(`/sys/class/net/${name}/mtu`)) || ETHERNET_MTU;
    mtus.set(local.text, mtu);
  }
  return mtu;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
