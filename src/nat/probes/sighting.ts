import { sameAddress, type TransportAddress } from '../../stun/ip-address.ts';

/** How one server saw one socket, once. */
export interface Sighting {
  /** The number of the socket: each has one of its own. */
  readonly socket: number;
  readonly local: TransportAddress;
  readonly to: TransportAddress;
  /** XOR-MAPPED-ADDRESS, which gateways leave alone. */
  readonly mapped: TransportAddress;
  /** MAPPED-ADDRESS of the same answer, where the server sends both. */
  readonly plainMapped: TransportAddress | undefined;
}

export function sameEndpoint(a: TransportAddress, b: TransportAddress): boolean {
  return a.port === b.port && sameAddress(a.ip, b.ip);
}

/** The first sighting of each socket, in the order in which they came. */
export function firstOfEachSocket(sightings: readonly Sighting[]): Sighting[] {
  const seen = new Set<number>();
  return sightings.filter(({ socket }) => !seen.has(socket) && seen.add(socket));
}
