import { formatTransportAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { Disguise, PeerForm } from './disguise.ts';
import { factOf, type RequestOutcome } from './request-outcome.ts';

/** How data was sent to a peer: with nothing asked before, over a channel, with a permission, over a connection. */
export type Way = 'unasked' | 'channel' | 'permission' | 'connection';

/** What is to be tried. */
export interface PeerAttempt extends PeerForm {
  readonly port: number;
}

/** What came of it. */
export interface AttemptOutcome {
  readonly peer: TransportAddress;
  readonly disguise: Disguise;
  /** Whether the peer's address is the relayed one, for which a server may well give a permission: other clients are there. */
  readonly isRelay: boolean;
  /** The requests that were made for it, by what they ask for. */
  readonly requests: readonly (readonly [Way, RequestOutcome])[];
  readonly arrivedBy: readonly Way[];
}

/** An attempt that could not be made. */
export function notMade({ ip, port, disguise }: PeerAttempt, outcome: RequestOutcome): AttemptOutcome {
  return { peer: { ip, port }, disguise, isRelay: false, requests: [['permission', outcome]], arrivedBy: [] };
}

/** Whether the attempt is for an address at which the relay itself is. */
export function isRelayOf({ ip }: PeerAttempt, relayedAddresses: readonly TransportAddress[]): boolean {
  return relayedAddresses.some((relayed) => sameAddress(relayed.ip, ip));
}

/** The same for programs. */
export function factsOf({ peer, disguise, requests, arrivedBy }: AttemptOutcome): Readonly<Record<string, unknown>> {
  const asked = Object.fromEntries(requests.map(([way, outcome]) => [way, factOf(outcome)]));
  return { peer: formatTransportAddress(peer), disguise, ...asked, arrived: arrivedBy.length > 0, arrivedBy };
}
