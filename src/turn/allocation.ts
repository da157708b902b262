import type { IntegrityAlgorithm } from '../stun/integrity.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import { newTraffic, type Traffic } from './counters.ts';
import type { Credential } from './credential-source.ts';
import { Deadline } from './deadline-queue.ts';
import type { FiveTuple } from './five-tuple.ts';
import type { PeerConnection } from './peer-connection.ts';
import type { PeerVerdict } from './peer-policy.ts';
import type { SharedTrafficAllowance } from './shared/traffic-allowance.ts';
import type { Instant, UnixSeconds } from './time.ts';
import type { TokenBucket, TrafficAllowance } from './token-bucket.ts';

/** Whoever quotas are counted for, as one server knows it: it exists while it has an allocation there. */
export interface UserAccount {
  readonly id: string;
  /** Its place in the table that all servers share. */
  readonly row: number;
  readonly traffic: SharedTrafficAllowance;
  /** Allocations at this server. */
  allocations: number;
}

/** Why an allocation is no more. */
export type EndReason =
  | 'refreshed-to-zero'
  | 'expired'
  | 'client-disconnected'
  | 'relay-socket-lost'
  | 'shutdown'
  | 'killed'
  /** The credential, its user or the key that issued it was revoked. */
  | 'revoked'
  /** The key has used up its bytes. */
  | 'over-budget';

/** A credential that a request has proved to know, and how. */
export interface Authenticated {
  readonly username: string;
  readonly credential: Credential;
  readonly passwordAlgorithm: PasswordAlgorithm;
  /** Which HMAC the request carried; the answer carries the same. */
  readonly integrity: IntegrityAlgorithm;
}

/** What a relayed address exchanges with peers: datagrams (RFC 8656) or connections (RFC 6062). */
export type RelayTransport = 'udp' | 'tcp';

/** A relayed transport address: a socket of the server that peers see. Its deadline is the end of its lifetime. */
export class RelayedAddress {
  /** A small number, unique among the live ones. */
  readonly id: number;
  readonly transport: RelayTransport;
  readonly family: AddressFamily;
  /** Where the socket is bound. */
  readonly local: TransportAddress;
  /** What clients and peers are told; another address than `local` behind a 1:1 NAT. */
  readonly external: TransportAddress;
  readonly deadline: Deadline<'relayed-address', RelayedAddress> = new Deadline('relayed-address', this);
  /** The allocation it serves; none if its port is only to be reserved. */
  allocation: Allocation | undefined;
  state: 'opening' | 'open' | 'failed' | 'closed' = 'opening';

  constructor(id: number, transport: RelayTransport, local: TransportAddress, external: TransportAddress) {
    this.id = id;
    this.transport = transport;
    this.family = local.ip.family;
    this.local = local;
    this.external = external;
  }
}

/** A UDP relay never has any, and a set of its own would cost more than an address. */
const noConnections: Set<PeerConnection> = new Set();

/** What one client has been given: one relayed address, or one of each family (RFC 8656 §2, §5). */
export class Allocation {
  /** Names this allocation in logs and in the API. */
  readonly id: string;
  readonly fiveTuple: FiveTuple;
  readonly user: UserAccount;
  readonly authenticated: Authenticated;
  readonly createdAt: Instant;
  /** The same on the clock that people read. */
  readonly createdAtUnix: UnixSeconds;
  /** The transaction that made it, as latin1: a retransmission of it gets the same answer. */
  readonly transactionId: string;
  /** The success answer, once it was given. */
  answer: Buffer | undefined;
  relayedAddresses: RelayedAddress[] = [];
  readonly permissions = new Set<Permission>();
  readonly channels = new Map<number, ChannelBinding>();
  /** TCP connections with peers (RFC 6062). */
  readonly connections: Set<PeerConnection>;
  /** Whether it relays datagrams or connections. */
  readonly transport: RelayTransport;
  /** Limits of this allocation alone. */
  readonly traffic: TrafficAllowance;
  readonly newPeers: TokenBucket;
  readonly fromClient: Traffic = newTraffic();
  readonly toClient: Traffic = newTraffic();
  /** How much of the traffic is in the usage already. */
  readonly counted = { fromClient: newTraffic(), toClient: newTraffic() };
  /** Somebody outside was asked and has counted it. */
  admitted = false;

  constructor(init: {
    id: string;
    fiveTuple: FiveTuple;
    user: UserAccount;
    authenticated: Authenticated;
    transactionId: string;
    transport: RelayTransport;
    createdAt: Instant;
    createdAtUnix: UnixSeconds;
    traffic: TrafficAllowance;
    newPeers: TokenBucket;
  }) {
    this.id = init.id;
    this.fiveTuple = init.fiveTuple;
    this.user = init.user;
    this.authenticated = init.authenticated;
    this.transactionId = init.transactionId;
    this.transport = init.transport;
    this.connections = init.transport === 'tcp' ? new Set() : noConnections;
    this.createdAt = init.createdAt;
    this.createdAtUnix = init.createdAtUnix;
    this.traffic = init.traffic;
    this.newPeers = init.newPeers;
  }

  /** The relayed address of this family, if the allocation has one. */
  relayedAddress(family: AddressFamily): RelayedAddress | undefined {
    for (const relayed of this.relayedAddresses) if (relayed.family === family) return relayed;
    return undefined;
  }
}

/** Leave for one peer IP address to exchange data with a relayed address (RFC 8656 §9). */
export class Permission {
  readonly relayedAddress: RelayedAddress;
  readonly peer: IpAddress;
  /** Packets may leave through the relay socket. */
  reachable = false;
  /** The peer is one of the server's own relayed addresses. */
  own = false;
  /** The daemon listens on some port of this address. */
  servesHere = false;
  readonly deadline: Deadline<'permission', Permission> = new Deadline('permission', this);
  /** False once it has expired; a channel may outlive its permission and keep it in place until it is given again. */
  active = true;
  /** How many channels are bound to this peer address. */
  channels = 0;

  constructor(relayedAddress: RelayedAddress, peer: IpAddress) {
    this.relayedAddress = relayedAddress;
    this.peer = peer;
  }

  /** Takes over what the peer policy says; it may have changed since the permission was first given. */
  apply(verdict: PeerVerdict): void {
    this.reachable = verdict.reachable;
    this.own = verdict.own;
    this.servesHere = verdict.servesHere;
  }
}

/** A channel number that stands for one peer transport address (RFC 8656 §12). */
export class ChannelBinding {
  readonly allocation: Allocation;
  readonly permission: Permission;
  readonly channel: number;
  readonly port: number;
  readonly deadline: Deadline<'channel', ChannelBinding> = new Deadline('channel', this);
  /** A data plane below the process may carry it by itself at this moment. */
  offered = false;

  constructor(allocation: Allocation, permission: Permission, channel: number, port: number) {
    this.allocation = allocation;
    this.permission = permission;
    this.channel = channel;
    this.port = port;
  }
}

/**
 * A port kept for a second allocation of the same user (RFC 8656 §7.2, EVEN-PORT). What it is stands in the table that all
 * servers share, since any of them may meet the token; the server that gave it only keeps the deadline.
 */
export class Reservation {
  readonly token: Buffer;
  readonly deadline: Deadline<'reservation', Reservation> = new Deadline('reservation', this);

  constructor(token: Buffer) {
    this.token = token;
  }
}
