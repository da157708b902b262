import { networkInterfaces } from 'node:os';
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import type { HostAddress } from '../targets.ts';

/** The addresses of this host's interfaces that are up. */
export function systemHostAddresses(): HostAddress[] {
  return Object.entries(readInterfaces()).flatMap(([name, entries = []]) =>
    entries.flatMap((entry) => {
      const ip = IpAddress.parse(entry.address);
      if (!ip) return [];
      // Node takes the number of an interface on Windows and its name elsewhere.
      const zone = process.platform === 'win32' && entry.family === 'IPv6' ? String(entry.scopeid) : name;
      return [ip.family === AddressFamily.ipv6 ? { ip, zone } : { ip }];
    }),
  );
}

/** Some sandboxes, such as that of Termux, forbid it. */
function readInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}
