import type { ServerEndpoint } from '../client/server-endpoint.ts';
import { isLoopback } from '../stun/ip-address.ts';
import type { LocalAddress } from './local-addresses.ts';

/** Where a server is to be asked, over one transport and in one family, and from which address of this machine. */
export interface Place {
  /** In the order in which to try. */
  readonly endpoints: readonly [ServerEndpoint, ...ServerEndpoint[]];
  readonly base: LocalAddress;
}

/** Every way from an address of this machine to a server: for each transport and family, from each address of that family. */
export function placesOf(endpoints: readonly ServerEndpoint[], bases: readonly LocalAddress[]): Place[] {
  const groups = new Map<string, [ServerEndpoint, ...ServerEndpoint[]]>();
  for (const endpoint of endpoints) {
    const { ip } = endpoint.address;
    const key = `${endpoint.transport} ${ip.family} ${isLoopback(ip)}`;
    const group = groups.get(key);
    if (group) group.push(endpoint);
    else groups.set(key, [endpoint]);
  }
  return [...groups.values()].flatMap((group) => basesTo(group[0], bases).map((base) => ({ endpoints: group, base })));
}

/** A server on this machine is asked from loopback, which leads nowhere else. */
function basesTo({ address: { ip } }: ServerEndpoint, bases: readonly LocalAddress[]): readonly LocalAddress[] {
  return bases.filter((base) => base.ip.family === ip.family && isLoopback(base.ip) === isLoopback(ip));
}
