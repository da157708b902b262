import type { IpAddress } from '../../stun/ip-address.ts';
import type { Attempt } from './attempt.ts';

/** A host with one of its addresses, and the ports at which it was said to have a STUN server. */
export interface GridHost {
  readonly host: string;
  readonly ip: IpAddress;
  readonly ports: readonly number[];
}

/** The ports of STUN and of STUN over TLS (RFC 8489 §18.6), and those that networks let out most. */
const usualPorts = [3478, 5349, 443, 80] as const;
const stunPorts: ReadonlySet<number> = new Set([3478, 5349]);

/** All attempts at one host, at each port over each transport. */
export function attemptsAt({ host, ip, ports }: GridHost): Attempt[] {
  const all = [...new Set([...ports, ...usualPorts])];
  return all.flatMap((port) =>
    (['udp', 'tcp', 'tls'] as const).map((transport) => ({
      server: { ip, port },
      host,
      transport,
      isStunPort: ports.includes(port) || stunPorts.has(port),
    })),
  );
}
