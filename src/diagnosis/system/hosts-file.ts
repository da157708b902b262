import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IpAddress } from '../../stun/ip-address.ts';
import type { AddressFamily } from '../../stun/protocol.ts';

/** What the hosts file of this machine says of a name; nothing where there is none. */
export async function lookUpInHostsFile(host: string, family: AddressFamily): Promise<IpAddress[]> {
  const { platform, env } = process;
  const path =
    platform === 'win32' ? join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts') : '/etc/hosts';
  try {
    return addressesIn(await readFile(path, 'utf8'), host, family);
  } catch {
    return [];
  }
}

/** The addresses of a name in the text of a hosts file. */
export function addressesIn(text: string, host: string, family: AddressFamily): IpAddress[] {
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return text.split(/\r?\n/).flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const ip = IpAddress.parse(address);
    return ip?.family === family && names.some((name) => name.toLowerCase() === wanted) ? ip : [];
  });
}
