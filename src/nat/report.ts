import type { Behavior, ClassicName } from './behavior.ts';
import type { Confidence, Finding } from './finding.ts';

/** Everything that a diagnosis found: one JSON document, which holds all that {@link pair} needs. Addresses are text. */
export interface Diagnosis {
  readonly schema: 1;
  readonly kind: 'diagnosis';
  /** When it began, as ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly elapsedMs: number;
  readonly verdict: Verdict;
  readonly servers: readonly ServerReport[];
  readonly ipv4: FamilyReport;
  readonly ipv6: FamilyReport;
  /** Whether IPv4 is reached through a NAT64 (RFC 7050): its prefix. */
  readonly nat64: Finding<{ readonly prefix: string | null }>;
  readonly gateway: Finding<GatewayReport>;
  readonly interfaces: readonly InterfaceReport[];
  readonly transports: readonly TransportReport[];
  readonly captivePortal: Finding<{ readonly captured: boolean }>;
}

/** What follows from all of it. */
export interface Verdict {
  readonly relay: 'not-needed' | 'sometimes' | 'needed' | 'unknown';
  readonly confidence: Confidence;
  /** One sentence for a person who never heard of NAT. */
  readonly sentence: string;
  /** Why, one sentence each, the weightiest first. */
  readonly reasons: readonly string[];
  /** What to do about it, one sentence each. */
  readonly advice: readonly string[];
  /** Over what a relay is reached from here, the best first; empty where none was. */
  readonly relayTransports: readonly ('udp' | 'tcp' | 'tls')[];
  /** Towards peers of each kind. */
  readonly peers: Readonly<Record<PeerKind, 'direct' | 'relay' | 'uncertain'>>;
}

/** Typical far sides: a public address, home routers by what they filter, and a symmetric NAT as in mobile networks and offices. */
export type PeerKind = 'public' | 'full-cone' | 'restricted-cone' | 'port-restricted-cone' | 'symmetric';

export interface ServerReport {
  /** As it was given: `host[:port]`. */
  readonly server: string;
  /** What its name stands for, of each family. */
  readonly addresses: readonly string[];
  /** Whether it can be used for the RFC 5780 tests; why not, when it cannot. */
  readonly qualification: Finding<'rfc5780' | 'plain'>;
  readonly roundTripMs: number | null;
  /** What is odd about it, such as that it ignores CHANGE-REQUEST. */
  readonly notes: readonly string[];
}

/** What one address family does on this network. Address and port pairs are text such as `192.0.2.1:3478`. */
export interface FamilyReport {
  /** Whether UDP gets through in this family, and if not, what stops it. */
  readonly udp: Finding<'works' | 'blocked' | 'rejected' | 'no-address' | 'no-route'>;
  readonly local: string | null;
  /** How servers see this host; more than one where addresses are pooled. */
  readonly mapped: readonly string[];
  readonly translated: Finding<boolean>;
  readonly mapping: Finding<Behavior>;
  /** Known more often than {@link mapping}: two addresses of servers are enough to see that the mapping depends on them. */
  readonly endpointIndependent?: Finding<boolean>;
  readonly filtering: Finding<Behavior>;
  readonly classicName: ClassicName | null;
  /** Whether a mapping stays the same while it is used. */
  readonly stable: Finding<boolean>;
  /**
   * Whether the mapping is kept towards an endpoint of which a packet came before anything was sent there. `false` for routers that
   * take such a packet for themselves, which then have no longer that port for what goes there.
   */
  readonly unsolicitedKeepsMapping?: Finding<boolean>;
  readonly pooling: Finding<boolean>;
  readonly ports: Finding<PortReport>;
  readonly lifetime: Finding<{ readonly aliveAfterSeconds: number; readonly goneAfterSeconds: number | null }>;
  readonly hairpin: Finding<boolean>;
  /** Whether packets that are larger than an MTU get through, in pieces. */
  readonly fragments: Finding<boolean>;
  /** Whether a gateway rewrites addresses inside of packets (an ALG). */
  readonly rewriting: Finding<boolean>;
}

/** How a NAT chooses ports. */
export interface PortReport {
  readonly allocation: 'preserving' | 'sequential' | 'block' | 'random';
  readonly parityPreserved: boolean;
  /** The step of sequential ports. */
  readonly step: number | null;
  /** Largest less smallest. */
  readonly span: number;
}

/** What the router says of itself. */
export interface GatewayReport {
  readonly address: string | null;
  readonly protocol: 'nat-pmp' | 'pcp' | 'upnp' | null;
  readonly wanAddress: string | null;
  /** How many NATs there are on the way, as far as can be told. */
  readonly nats: 'none' | 'one' | 'two-or-more' | 'unknown';
  readonly carrierNat: boolean | null;
}

export interface InterfaceReport {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly kind: 'ethernet' | 'wireless' | 'vpn' | 'virtual' | 'other';
  /** Whether packets to the servers leave through it. */
  readonly isDefault: boolean;
}

/** What became of an attempt to reach one server over one transport at one port. */
export interface TransportReport {
  readonly family: 'ipv4' | 'ipv6';
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly server: string;
  readonly port: number;
  /** `intercepted`: something else answered, or showed a certificate that is not the server's. */
  readonly outcome: 'open' | 'rejected' | 'dropped' | 'intercepted' | 'no-route' | 'not-tested';
  readonly detail: string;
  readonly elapsedMs: number;
}
