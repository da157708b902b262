import { readFile } from 'node:fs/promises';
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

/** The router of the default route over IPv4, on Linux; `undefined` elsewhere, where no file tells. */
export async function routedGateway(): Promise<IpAddress | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    return defaultRouter(await readFile('/proc/net/route', 'utf8'));
  } catch {
    return undefined;
  }
}

const UP_AND_GATEWAY = 0x3;

/** The router of the default route with the least metric in a table as `/proc/net/route` has it. */
export function defaultRouter(table: string): IpAddress | undefined {
  const routes = table.split('\n').flatMap((line) => {
    const [, destination, gateway = '', flags = '', , , metric = '', mask] = line.trim().split(/\s+/);
    const isDefault = destination === '00000000' && mask === '00000000';
    const leads = (Number.parseInt(flags, 16) & UP_AND_GATEWAY) === UP_AND_GATEWAY;
    return isDefault && leads && /^[0-9A-F]{8}$/i.test(gateway) ? { gateway, metric: Number(metric) } : [];
  });
  const [best] = routes.toSorted((a, b) => a.metric - b.metric);
  return best && new IpAddress(AddressFamily.ipv4, inNetworkOrder(best.gateway));
}

/** The table has addresses as words of this machine. */
function inNetworkOrder(hex: string): number {
  const bytes = Buffer.from(hex, 'hex');
  return littleEndian ? bytes.readInt32LE() : bytes.readInt32BE();
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
