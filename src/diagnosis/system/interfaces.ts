import { networkInterfaces } from 'node:os';
import { IpAddress } from '../../stun/ip-address.ts';
import type { NetworkInterface } from '../network.ts';

/** The interfaces of this machine that are up. */
export function systemInterfaces(): NetworkInterface[] {
  return Object.entries(readInterfaces()).flatMap(([name, entries = []]) => {
    const addresses = entries.flatMap(({ address, cidr }) => {
      const ip = IpAddress.parse(address);
      return ip ? { ip, prefixLength: Number(cidr?.split('/')[1] ?? 0) } : [];
    });
    const [first] = entries;
    return first && addresses.length > 0 ? { name, internal: first.internal, mac: first.mac, addresses } : [];
  });
}

/** Some sandboxes, such as that of Termux, forbid it. */
function readInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}
