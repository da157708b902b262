import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import { lookUpWithin } from './look-up-within.ts';
import type { DiagnosisNetwork } from './network.ts';
import type { ServerName } from './server-name.ts';

/** A server with what its name stands for in one family. */
export interface ResolvedServer {
  readonly name: ServerName;
  readonly addresses: readonly IpAddress[];
  /** Why there is no address: the resolver's code. */
  readonly code: string | undefined;
}

/** Looks up all servers in one family at once. */
export function resolveServers(
  network: DiagnosisNetwork,
  names: readonly ServerName[],
  family: AddressFamily,
  timeoutMs: number,
): Promise<ResolvedServer[]> {
  return Promise.all(
    names.map(async (name) => {
      const found = await lookUpWithin(network, name.host, family, timeoutMs);
      return found.ok
        ? { name, addresses: found.value, code: undefined }
        : { name, addresses: [], code: found.error.code };
    }),
  );
}

/** Where to ask: the first address of each, and each address and port once. */
export function targetsOf(servers: readonly ResolvedServer[]): TransportAddress[] {
  const targets = new Map<string, TransportAddress>();
  for (const { name, addresses } of servers) {
    const [ip] = addresses;
    if (ip !== undefined) targets.set(`${ip.text} ${name.port}`, { ip, port: name.port });
  }
  return [...targets.values()];
}
