import { type AddressWords, type IpAddress, sameAddress } from '../stun/ip-address.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { AddressTable } from './address-table.ts';
import type { AdmissionMode, PendingAdmission } from './admission.ts';
import {
  type Allocation,
  ChannelBinding,
  type EndReason,
  Permission,
  type RelayedAddress,
  Reservation,
  type UserAccount,
} from './allocation.ts';
import { AnswerAllowance } from './answer-allowance.ts';
import type { ServerCounters } from './counters.ts';
import { type Deadline, DeadlineQueue } from './deadline-queue.ts';
import { Drop } from './drop-reason.ts';
import type { NatDiscovery } from './nat-discovery.ts';
import { NonceIssuer } from './nonce.ts';
import type { Opening, PendingAllocate } from './open-relay.ts';
import type { ChangeableOptions, RelayAddress, TurnServerOptions } from './options.ts';
import type { Output, ServerEvent } from './output.ts';
import { Departure, Verdict } from './packet.ts';
import type { PeerConnection } from './peer-connection.ts';
import type { Gauge, Population } from './population.ts';
import type { AnswerContext } from './request.ts';
import type { Redemption, Rejection } from './shared/admissions.ts';
import type { SharedTables } from './shared/shared-tables.ts';
import type { SharedTrafficAllowance } from './shared/traffic-allowance.ts';
import { after, type Instant } from './time.ts';
import { isLimited } from './token-bucket.ts';
import { UsageMeter } from './usage-meter.ts';

/** Lifetime of a permission (RFC 8656 §9). */
export const PERMISSION_LIFETIME_MS = 300_000;
/** Lifetime of a channel binding (RFC 8656 §12). */
export const CHANNEL_LIFETIME_MS = 600_000;
/** How long a reserved port waits for its second allocation (RFC 8656 §7.2). */
export const RESERVATION_LIFETIME_MS = 30_000;

/** Anything in the server that ends by itself. */
export type ServerDeadline =
  | Deadline<'relayed-address', RelayedAddress>
  | Deadline<'permission', Permission>
  | Deadline<'channel', ChannelBinding>
  | Deadline<'reservation', Reservation>
  | Deadline<'peer-connection', PeerConnection>;

/** What tells the channels of one client apart in a table: the number's 14 bits that are not fixed. */
export function channelPart(channel: number): number {
  return channel & 0x3fff;
}

/**
 * All that a TURN server remembers, and the few operations that keep it consistent. What the messages mean stands in one
 * file per method; nothing there touches these tables but through here.
 */
export class ServerState {
  options: TurnServerOptions;
  /** What is common to all servers of the daemon. */
  readonly shared: SharedTables;
  readonly counters: ServerCounters;
  readonly departure = new Departure();
  readonly writer = new MessageWriter();
  readonly nonces: NonceIssuer;
  answerAllowance: AnswerAllowance;
  readonly deadlines = new DeadlineQueue<ServerDeadline>();
  /** By (listener, client address). */
  readonly allocations: AddressTable<Allocation>;
  /** By (listener, client address, {@link channelPart}). */
  readonly channelsByClient: AddressTable<ChannelBinding>;
  /** By (relayed address, peer address). */
  readonly channelsByPeer: AddressTable<ChannelBinding>;
  /** By (relayed address, peer address with port 0). */
  readonly permissions: AddressTable<Permission>;
  /** Live allocations by their id. */
  readonly allocationsById = new Map<string, Allocation>();
  /** Users with an allocation here. */
  readonly #users = new Map<string, UserAccount>();
  /** Allocates that are not answered yet, by each relayed address that is opened for them. */
  readonly pendingAllocates = new Map<RelayedAddress, { pending: PendingAllocate; opening: Opening }>();
  /** Allocates about which somebody is asked, by the id of the allocation. */
  readonly pendingAdmissions = new Map<string, PendingAdmission>();
  /** Which allocations are asked about before they are made. */
  admission: AdmissionMode = 'none';
  readonly usage = new UsageMeter();
  /** Ports that are taken although nothing is open there, because another program has them and an Allocate looks for others. */
  unusablePorts = 0;
  /** TCP connections with peers, by CONNECTION-ID. */
  readonly connections = new Map<number, PeerConnection>();
  /** Connects that wait for their peer. */
  readonly pendingConnects = new Map<PeerConnection, AnswerContext>();
  /** Set where NAT behaviour discovery works (RFC 5780). */
  natDiscovery: NatDiscovery | undefined;
  /** Refuse new allocations: the server is about to stop. */
  draining = false;

  readonly #relayAddresses = new Map<AddressFamily, RelayAddress>();
  readonly #relays = new Map<number, RelayedAddress>();
  readonly #relayIds: number[] = [];
  /** How many allocations each client address holds; the AddressTable's port is 0. */
  readonly #clients: AddressTable<{ allocations: number }>;
  #traffic: SharedTrafficAllowance;
  /** Whether any rate applies, so that every packet has to be counted in the process. */
  #limitsTraffic: boolean;
  #outputs: Output[] = [];
  #nextRelayId = 1;
  #indicationId: number;

  constructor(options: TurnServerOptions) {
    this.options = options;
    this.shared = options.shared;
    this.counters = options.shared.counters;
    const seed = () => options.random.bytes(4).readInt32BE();
    this.allocations = new AddressTable(seed());
    this.channelsByClient = new AddressTable(seed());
    this.channelsByPeer = new AddressTable(seed());
    this.permissions = new AddressTable(seed());
    this.#clients = new AddressTable(seed());
    this.#indicationId = seed();
    this.nonces = new NonceIssuer(options.nonceLifetimeSeconds, options.shared.nonceKeys);
    this.answerAllowance = new AnswerAllowance(options.limits.unauthenticatedAnswers, seed());
    this.#traffic = options.shared.traffic(options.limits.perServer);
    this.#limitsTraffic = limitsTraffic(options);
    this.setRelayAddress(AddressFamily.ipv4, options.ipv4);
    this.setRelayAddress(AddressFamily.ipv6, options.ipv6);
  }

  /** Takes over other options. What an allocation was given once, it keeps; what a user may, until its last one ends. */
  configure(options: ChangeableOptions): void {
    const before = this.options.limits;
    this.options = { ...this.options, ...options };
    const { unauthenticatedAnswers, perServer } = options.limits;
    if (JSON.stringify(unauthenticatedAnswers) !== JSON.stringify(before.unauthenticatedAnswers)) {
      this.answerAllowance = new AnswerAllowance(unauthenticatedAnswers, this.options.random.bytes(4).readInt32BE());
    }
    this.#traffic = this.shared.traffic(perServer);
    this.#limitsTraffic = limitsTraffic(this.options);
    for (const { channels } of this.allocationsById.values()) for (const one of channels.values()) this.#offer(one);
  }

  // Packets

  /** Counts a packet that goes nowhere. */
  drop(reason: number): Verdict {
    this.counters.drop(reason);
    return Verdict.nothing;
  }

  /** Counts a packet against the limits of its allocation, its user and the server; the drop reason when one is exceeded, else -1. */
  overLimit(allocation: Allocation, bytes: number, now: Instant): number {
    if (!allocation.traffic.admit(bytes, now)) return Drop['allocation-rate'];
    if (!allocation.user.traffic.admit(bytes, now)) return Drop['user-rate'];
    if (!this.#traffic.admit(bytes, now)) return Drop['server-rate'];
    return -1;
  }

  /** Counts bytes of a joined connection; how many milliseconds its sender is to be held back. */
  charge(allocation: Allocation, bytes: number, now: Instant): number {
    const { traffic, user } = allocation;
    return Math.max(traffic.charge(bytes, now), user.traffic.charge(bytes, now), this.#traffic.charge(bytes, now));
  }

  nextIndicationId(): number {
    this.#indicationId = (this.#indicationId + 1) | 0;
    return this.#indicationId;
  }

  /** The relayed address that is open at this port, if any: two clients may meet on one server. */
  liveRelay(family: AddressFamily, port: number): RelayedAddress | undefined {
    return this.#relays.get((family << 16) | port);
  }

  /**
   * The address at which some server of the daemon has an open UDP relay of this port, if any. Asked for a port that is none
   * of {@link liveRelay}: two clients may meet on two servers.
   */
  relayElsewhere(family: AddressFamily, port: number): IpAddress | undefined {
    return this.shared.isLiveUdpRelay(family, port) ? this.#relayAddresses.get(family)?.local : undefined;
  }

  // Outputs

  emit(output: Output): void {
    this.#outputs.push(output);
  }

  event(event: ServerEvent): void {
    this.#outputs.push({ kind: 'event', event });
  }

  takeOutputs(): readonly Output[] {
    const outputs = this.#outputs;
    if (outputs.length > 0) this.#outputs = [];
    return outputs;
  }

  // Relay addresses and ports

  setRelayAddress(family: AddressFamily, address: RelayAddress | undefined): void {
    if (address === undefined) this.#relayAddresses.delete(family);
    else this.#relayAddresses.set(family, address);
    for (const relayed of this.#relays.values()) if (relayed.family === family) this.#announce(relayed);
  }

  relayAddress(family: AddressFamily): RelayAddress | undefined {
    return this.#relayAddresses.get(family);
  }

  /** A number for a new relayed address, unique among the live ones. */
  takeRelayId(): number {
    return this.#relayIds.pop() ?? this.#nextRelayId++;
  }

  /** The socket of this relayed address is open. */
  relayIsLive(relayed: RelayedAddress): void {
    relayed.state = 'open';
    this.#relays.set((relayed.family << 16) | relayed.local.port, relayed);
    this.#announce(relayed);
  }

  /** Tells the other servers of an open relay while it is at the relay address of today; they know no more than its port. */
  #announce({ family, local, transport }: RelayedAddress): void {
    if (transport !== 'udp') return;
    const today = this.#relayAddresses.get(family);
    if (today !== undefined && sameAddress(today.local, local.ip)) this.shared.ports.opened(family, local.port);
    else this.shared.ports.hidden(family, local.port);
  }

  /**
   * Gives up a relayed address: its socket, its port, and all that refers to it.
   *
   * @param keepPort leave the port taken; the caller gives it back.
   */
  closeRelay(relayed: RelayedAddress, keepPort = false): void {
    if (relayed.state === 'closed') return;
    this.deadlines.clear(relayed.deadline);
    const allocation = relayed.allocation;
    if (allocation !== undefined) {
      this.#forgetPeers(allocation, relayed);
      for (const connection of [...allocation.connections]) {
        if (connection.relayedAddress === relayed) this.closeConnection(connection);
      }
    }
    const { family, local } = relayed;
    if (relayed.state === 'open') {
      this.#relays.delete((family << 16) | local.port);
      this.shared.ports.closed(family, local.port);
    }
    if (relayed.state !== 'failed') this.emit({ kind: 'close-relay', relayedAddress: relayed });
    relayed.state = 'closed';
    if (!keepPort) this.shared.ports.release(family, local.port);
    this.#relayIds.push(relayed.id);
  }

  // Users and quotas

  /** Counts a new allocation to a user, if the quotas let it; with `reservation` a reserved port as well. */
  admit(id: string, reservation?: Reservation): UserAccount | Rejection {
    const row = this.shared.admissions.admit(id, this.options.limits, reservation?.token);
    return typeof row === 'string' ? row : this.#account(id, row);
  }

  /** Turns a reservation into an allocation, if it is this user's; its port is then this server's. */
  redeem(id: string, token: Buffer): (Redemption & { readonly account: UserAccount }) | Rejection {
    const redemption = this.shared.admissions.redeem(id, this.options.limits, token);
    return typeof redemption === 'string' ? redemption : { ...redemption, account: this.#account(id, redemption.user) };
  }

  #account(id: string, row: number): UserAccount {
    let user = this.#users.get(id);
    if (user === undefined) {
      user = { id, row, traffic: this.shared.admissions.traffic(row, this.options.limits.perUser), allocations: 0 };
      this.#users.set(id, user);
    }
    user.allocations++;
    return user;
  }

  #leave(user: UserAccount): void {
    if (--user.allocations === 0) this.#users.delete(user.id);
    this.shared.admissions.leave(user.row);
  }

  // Allocations

  addAllocation(allocation: Allocation): void {
    const { listener, client } = allocation.fiveTuple;
    this.allocations.set(listener.id, client.ip, client.port, allocation);
    this.allocationsById.set(allocation.id, allocation);
    const known = this.#clients.get(0, client.ip, 0);
    if (known !== undefined) known.allocations++;
    else this.#clients.set(0, client.ip, 0, { allocations: 1 });
  }

  /** Takes an allocation out of every table and closes its sockets. */
  removeAllocation(allocation: Allocation): void {
    const { listener, client } = allocation.fiveTuple;
    for (const relayed of [...allocation.relayedAddresses]) this.closeRelay(relayed);
    this.allocations.delete(listener.id, client.ip, client.port);
    this.allocationsById.delete(allocation.id);
    this.#leave(allocation.user);
    const known = this.#clients.get(0, client.ip, 0);
    if (known !== undefined && --known.allocations === 0) this.#clients.delete(0, client.ip, 0);
  }

  /** Ends an allocation that its client was told of. */
  endAllocation(allocation: Allocation, reason: EndReason, at: Instant): void {
    this.removeAllocation(allocation);
    this.usage.ended(allocation);
    this.event({ kind: 'allocation-ended', allocation, reason, at });
  }

  /** Ends one relayed address of an allocation, and the allocation with its last one. */
  endRelayedAddress(relayed: RelayedAddress, reason: EndReason, at: Instant): void {
    const allocation = relayed.allocation;
    if (allocation === undefined) return;
    if (allocation.relayedAddresses.length === 1) {
      this.endAllocation(allocation, reason, at);
      return;
    }
    this.closeRelay(relayed);
    allocation.relayedAddresses.splice(allocation.relayedAddresses.indexOf(relayed), 1);
  }

  /** Whether some client at this address has proved who it is and holds an allocation. */
  isKnownClient(ip: AddressWords): boolean {
    return this.#clients.get(0, ip, 0) !== undefined;
  }

  // Permissions and channels

  /** Gives or renews a permission (RFC 8656 §9). */
  permit(relayed: RelayedAddress, peer: IpAddress, now: Instant): Permission {
    let permission = this.permissions.get(relayed.id, peer, 0);
    if (permission === undefined) {
      permission = new Permission(relayed, peer);
      this.permissions.set(relayed.id, peer, 0, permission);
      relayed.allocation!.permissions.add(permission);
    }
    permission.apply(this.options.policy.judge(peer));
    permission.active = true;
    this.deadlines.set(permission.deadline, after(now, PERMISSION_LIFETIME_MS));
    this.#offerChannels(permission);
    return permission;
  }

  /** Ends a permission. A channel that is still bound to the peer keeps it in place, without effect. */
  expirePermission(permission: Permission): void {
    permission.active = false;
    this.deadlines.clear(permission.deadline);
    this.#offerChannels(permission);
    if (permission.channels > 0) return;
    this.permissions.delete(permission.relayedAddress.id, permission.peer, 0);
    permission.relayedAddress.allocation?.permissions.delete(permission);
  }

  /** Binds a channel that is free to a peer, or renews the binding (RFC 8656 §12.2). */
  bindChannel(allocation: Allocation, permission: Permission, channel: number, port: number, now: Instant): void {
    let binding = allocation.channels.get(channel);
    if (binding === undefined) {
      const { listener, client } = allocation.fiveTuple;
      binding = new ChannelBinding(allocation, permission, channel, port);
      allocation.channels.set(channel, binding);
      permission.channels++;
      this.channelsByClient.set(listener.id, client.ip, client.port, binding, channelPart(channel));
      this.channelsByPeer.set(permission.relayedAddress.id, permission.peer, port, binding);
      this.#offer(binding);
    }
    this.deadlines.set(binding.deadline, after(now, CHANNEL_LIFETIME_MS));
  }

  unbindChannel(binding: ChannelBinding): void {
    const { allocation, permission, channel, port } = binding;
    const { listener, client } = allocation.fiveTuple;
    this.deadlines.clear(binding.deadline);
    allocation.channels.delete(channel);
    this.channelsByClient.delete(listener.id, client.ip, client.port, channelPart(channel));
    this.channelsByPeer.delete(permission.relayedAddress.id, permission.peer, port);
    permission.channels--;
    if (!permission.active) this.expirePermission(permission);
    this.#withdraw(binding);
  }

  /** The state of a permission may have changed: offers its channels to a plane below the process, or withdraws them. */
  #offerChannels(permission: Permission): void {
    if (permission.channels === 0) return;
    for (const binding of permission.relayedAddress.allocation!.channels.values()) this.#offer(binding);
  }

  /** Offers a channel if nothing about its packets has to be looked at in the process, else withdraws it. */
  #offer(binding: ChannelBinding): void {
    const { allocation, permission, port } = binding;
    const { active, reachable, own, servesHere } = permission;
    const open = active && reachable && !own && !servesHere && port !== 0;
    if (!open || this.#limitsTraffic || allocation.fiveTuple.listener.transport !== 'udp') {
      this.#withdraw(binding);
    } else if (!binding.offered) {
      binding.offered = true;
      this.emit({ kind: 'bind-channel', binding });
    }
  }

  #withdraw(binding: ChannelBinding): void {
    if (!binding.offered) return;
    binding.offered = false;
    this.emit({ kind: 'unbind-channel', binding });
  }

  #forgetPeers(allocation: Allocation, relayed: RelayedAddress): void {
    for (const binding of [...allocation.channels.values()]) {
      if (binding.permission.relayedAddress === relayed) this.unbindChannel(binding);
    }
    for (const permission of [...allocation.permissions]) {
      if (permission.relayedAddress === relayed) this.expirePermission(permission);
    }
  }

  // Connections with peers

  /** A CONNECTION-ID that no other connection has and nobody can guess. */
  takeConnectionId(): number {
    for (;;) {
      const id = this.options.random.bytes(4).readUInt32BE();
      if (!this.connections.has(id)) return id;
    }
  }

  /** @param deadline when it ends unless something happens to it. */
  addConnection(connection: PeerConnection, deadline: Instant): void {
    this.connections.set(connection.id, connection);
    connection.allocation.connections.add(connection);
    this.deadlines.set(connection.deadline, deadline);
  }

  /** Ends a connection with a peer, and the client's that it is joined with. */
  closeConnection(connection: PeerConnection): void {
    if (connection.state === 'closed') return;
    connection.state = 'closed';
    this.deadlines.clear(connection.deadline);
    this.connections.delete(connection.id);
    this.pendingConnects.delete(connection);
    connection.allocation.connections.delete(connection);
    this.emit({ kind: 'close-connection', connection });
  }

  // Reservations

  /** A token for a port that is to be reserved. */
  newReservation(): Reservation {
    return new Reservation(this.options.random.bytes(8));
  }

  /** Keeps the port of a relayed address for whoever brings the token; its socket is closed until then. */
  reserve(reservation: Reservation, relayed: RelayedAddress, now: Instant): void {
    this.closeRelay(relayed, true);
    this.shared.admissions.keep(reservation.token, relayed.family, relayed.local.port);
    this.deadlines.set(reservation.deadline, after(now, RESERVATION_LIFETIME_MS));
  }

  /** Ends a reservation and gives its port back, unless it was redeemed. */
  endReservation(reservation: Reservation): void {
    this.deadlines.clear(reservation.deadline);
    this.shared.admissions.cancel(reservation.token);
  }

  // Figures

  /** How much of everything there is at this moment. */
  get population(): Population {
    const { users, reservations } = this.shared.admissions;
    return { ...this.#figures, users, reservations };
  }

  /** Shows the population to the other threads. */
  publish(): void {
    this.shared.setGauges(this.#figures);
  }

  get #figures(): Readonly<Record<Gauge, number>> {
    return {
      allocations: this.allocationsById.size,
      relayedAddresses: this.#relays.size,
      permissions: this.permissions.size,
      channels: this.channelsByPeer.size,
      unusablePorts: this.unusablePorts,
      connections: this.connections.size,
      deadlines: this.deadlines.size,
    };
  }
}

function limitsTraffic({ limits: { perAllocation, perUser, perServer } }: TurnServerOptions): boolean {
  return [perAllocation, perUser, perServer].some(isLimited);
}
