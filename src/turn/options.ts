import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { AnswerRates } from './answer-allowance.ts';
import type { CredentialSource } from './credential-source.ts';
import type { ClientTransport } from './five-tuple.ts';
import type { PeerPolicy } from './peer-policy.ts';
import type { RandomSource } from './random.ts';
import type { SharedTables } from './shared/shared-tables.ts';
import type { Rate, TrafficRates } from './token-bucket.ts';

/** One family's relay address: where sockets are bound, and what clients are told. */
export interface RelayAddress {
  readonly local: IpAddress;
  readonly external: IpAddress;
}

/**
 * How long a time-limited credential is good for: `lax` checks it when an allocation is made, `strict` at every request,
 * `grace` lets an allocation go on until one more lifetime after the credential's end.
 */
export type ExpiryPolicy = 'lax' | 'strict' | 'grace';

export interface Limits {
  /** Live allocations of all servers together. */
  readonly allocations: number;
  readonly allocationsPerUser: number;
  readonly permissionsPerAllocation: number;
  readonly channelsPerAllocation: number;
  /** New peer addresses of one allocation. */
  readonly newPeers: Rate;
  readonly perAllocation: TrafficRates;
  readonly perUser: TrafficRates;
  readonly perServer: TrafficRates;
  readonly unauthenticatedAnswers: AnswerRates;
}

export interface TurnServerOptions {
  readonly realm: string;
  /** Accept only MESSAGE-INTEGRITY-SHA256 with a SHA-256 key. Browsers do not know it. */
  readonly requireSha256: boolean;
  readonly nonceLifetimeSeconds: number;
  readonly expiry: ExpiryPolicy;
  readonly defaultLifetimeSeconds: number;
  readonly maxLifetimeSeconds: number;
  /** Relay TCP as well (RFC 6062). */
  readonly tcpRelays: boolean;
  /** Accept channel numbers up to 0x7FFF, as RFC 5766 had them. */
  readonly rfc5766Channels: boolean;
  /** Answer Binding requests of RFC 3489, which have no magic cookie. */
  readonly rfc3489: boolean;
  /** Where new clients are sent while the server drains, by their transport (RFC 8489 §14.15). */
  readonly alternateServers: Readonly<Record<ClientTransport, readonly TransportAddress[]>>;
  readonly ipv4: RelayAddress | undefined;
  readonly ipv6: RelayAddress | undefined;
  /** Whether relay sockets can send without fragmentation; if not, DONT-FRAGMENT is an unknown attribute (RFC 8656 §7.2). */
  readonly dontFragment: boolean;
  readonly limits: Limits;
  readonly policy: PeerPolicy;
  readonly credentials: CredentialSource;
  readonly random: RandomSource;
  /** What this server has in common with the other servers of the daemon, relay ports and quotas among it. */
  readonly shared: SharedTables;
}

/** What may change while a server runs. */
export type ChangeableOptions = Pick<
  TurnServerOptions,
  | 'requireSha256'
  | 'expiry'
  | 'defaultLifetimeSeconds'
  | 'maxLifetimeSeconds'
  | 'tcpRelays'
  | 'rfc5766Channels'
  | 'rfc3489'
  | 'alternateServers'
  | 'limits'
  | 'credentials'
>;
