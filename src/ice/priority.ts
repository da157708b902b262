import type { Candidate, RelayProtocol, TcpType } from './candidate.ts';

export interface PriorityParts extends Pick<Candidate, 'type' | 'component'> {
  /** Of the base among the addresses of this machine, from 0 for the most preferred one. */
  readonly addressRank: number;
  /** Of the server among those asked, from 0; it only keeps priorities apart. */
  readonly serverRank?: number;
  /** Of host candidates over TCP. */
  readonly tcpType?: TcpType;
  /** Of relayed candidates. */
  readonly relayProtocol?: RelayProtocol;
}

/** RFC 8445 §5.1.2.2 recommends 126, 100 and 0. TCP comes after UDP (RFC 6544 §4.2), and so do relays that are reached over it. */
const typePreferences = { host: 126, hostOverTcp: 90, srflx: 100 } as const;
const relayPreferences: Readonly<Record<RelayProtocol, number>> = { udp: 2, tcp: 1, tls: 0 };
/** RFC 6544 §4.2, of host candidates: who connects is reached more easily than who waits behind a NAT. */
const directionPreferences: Readonly<Record<TcpType, number>> = { active: 6, passive: 4 };

/** The priority of a candidate, from 1 to 2³¹ − 1 (RFC 8445 §5.1.2.1); no two candidates have the same. */
export function candidatePriority(parts: PriorityParts): number {
  return 2 ** 24 * typePreference(parts) + 2 ** 8 * localPreference(parts) + (256 - parts.component);
}

function typePreference({ type, tcpType, relayProtocol = 'udp' }: PriorityParts): number {
  if (type === 'relay') return relayPreferences[relayProtocol];
  if (type === 'srflx') return typePreferences.srflx;
  return tcpType === undefined ? typePreferences.host : typePreferences.hostOverTcp;
}

/** 16 bits, the largest for the first address. Over TCP the upper three say who connects (RFC 6544 §4.2). */
function localPreference({ addressRank, serverRank = 0, tcpType }: PriorityParts): number {
  if (tcpType !== undefined) return 2 ** 13 * directionPreferences[tcpType] + (2 ** 13 - 1 - bounded(addressRank));
  return 2 ** 16 - 1 - 2 ** 8 * bounded(addressRank) - bounded(serverRank);
}

function bounded(rank: number): number {
  return Math.min(rank, 255);
}
