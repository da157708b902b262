import type { ServerTransport } from '../client/server-endpoint.ts';

/** Host: an address of this machine. Server-reflexive: the one that a server sees. Relayed: one that a TURN server lends. */
export type CandidateType = 'host' | 'srflx' | 'relay';

/** Which side opens the connection (RFC 6544 §4.1): this one does, or it waits. */
export type TcpType = 'active' | 'passive';

/** A transport address that a peer may try, as it is told to it (RFC 8445 §5.1, RFC 8839 §5.1). */
export interface Candidate {
  /** The same for candidates that share their type, base, protocol and server: when one works, another may (RFC 8445 §5.1.1.3). */
  readonly foundation: string;
  /** 1 is RTP, or everything where RTCP shares its port, as with browsers. */
  readonly component: number;
  readonly protocol: 'udp' | 'tcp';
  /** Larger ones are tried first (RFC 8445 §5.1.2.1). */
  readonly priority: number;
  /** An IP address, or the mDNS name that stands for one. */
  readonly address: string;
  readonly port: number;
  readonly type: CandidateType;
  /** Where the candidate comes from: the host address behind a reflexive one, the reflexive one behind a relayed one. */
  readonly relatedAddress?: string;
  readonly relatedPort?: number;
  readonly tcpType?: TcpType;
}

/** How this machine talks to the relay. */
export type RelayProtocol = ServerTransport;
