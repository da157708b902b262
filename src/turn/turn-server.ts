import { isChannelData } from '../stun/channel-data.ts';
import { fingerprintHolds } from '../stun/fingerprint.ts';

import type { TransportAddress } from '../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../stun/message.ts';
import { type AddressFamily, MessageClass, Method } from '../stun/protocol.ts';
import { type AdmissionMode, type AdmissionVerdict, admissionDecided } from './admission.ts';
import type { Allocation, ChannelBinding, EndReason, RelayedAddress } from './allocation.ts';
import { peerConnected, peerGone } from './connect.ts';
import { connectionAttempt } from './connection-attempt.ts';
import type { ServerCounters, Traffic } from './counters.ts';
import { Drop } from './drop-reason.ts';
import type { Listener } from './five-tuple.ts';
import type { NatDiscovery } from './nat-discovery.ts';
import { abandonAllocate, type OpenFailure, relayFailed, relayOpened } from './open-relay.ts';
import type { ChangeableOptions, RelayAddress, TurnServerOptions } from './options.ts';
import type { Output } from './output.ts';
import { type Arrival, type Departure, type IcmpArrival, Verdict } from './packet.ts';
import type { PeerConnection } from './peer-connection.ts';
import type { Population } from './population.ts';
import { receiveRequest } from './receive-request.ts';
import { relayIcmp } from './relay-icmp.ts';
import { relayChannelData, relayFromPeer, relaySendIndication } from './relay-packet.ts';
import { ServerState } from './server-state.ts';
import type { Instant, Time } from './time.ts';
import type { UsageDelta } from './usage-meter.ts';

const readDrops = new Map<ReadResult, number>([
  [ReadResult.badLength, Drop['bad-length']],
  [ReadResult.notStun, Drop['not-stun']],
  [ReadResult.noCookie, Drop['no-magic-cookie']],
  [ReadResult.badAttribute, Drop['bad-attribute']],
  [ReadResult.tooManyAttributes, Drop['too-many-attributes']],
]);

/**
 * A STUN and TURN server without sockets and clocks (RFC 8489, RFC 8656).
 *
 * Packets are handed in with the time; each call returns a {@link Verdict} about that packet, with the details in
 * {@link departure}. Everything else that is to be done, answers among it, waits in {@link takeOutputs}.
 *
 * @example
 * const verdict = server.receiveFromClient(listener, arrival, time);
 * if (verdict === Verdict.toPeer) sockets.send(server.departure);
 * for (const output of server.takeOutputs()) host.execute(output);
 * host.armTimer(server.nextDeadline);
 */
export class TurnServer {
  readonly #state: ServerState;
  readonly #message = new StunMessage();

  constructor(options: TurnServerOptions) {
    this.#state = new ServerState(options);
  }

  /** Where the packet goes that was handed in last. */
  get departure(): Departure {
    return this.#state.departure;
  }

  get counters(): ServerCounters {
    return this.#state.counters;
  }

  /** When {@link advance} has something to do; infinity when nothing is waiting. */
  get nextDeadline(): Instant {
    return this.#state.deadlines.next;
  }

  /** What is to be done since the last call. */
  takeOutputs(): readonly Output[] {
    return this.#state.takeOutputs();
  }

  /** A packet from a client. */
  receiveFromClient(listener: Listener, arrival: Arrival, time: Time): Verdict {
    if (time.instant >= this.#state.deadlines.next) this.advance(time);
    if (arrival.end <= arrival.start) return this.#state.drop(Drop['not-stun']);
    return isChannelData(arrival.buffer[arrival.start]!)
      ? relayChannelData(this.#state, listener, arrival, time.instant)
      : this.#receiveStun(listener, arrival, time);
  }

  /** A packet that arrived at a relay socket. */
  receiveFromPeer(at: RelayedAddress, arrival: Arrival, time: Time): Verdict {
    if (time.instant >= this.#state.deadlines.next) this.advance(time);
    return relayFromPeer(this.#state, at, arrival, time.instant);
  }

  /** An ICMP error about a packet that a relay socket sent (RFC 8656 §11.5). */
  receiveIcmp(at: RelayedAddress, error: IcmpArrival, time: Time): void {
    if (time.instant >= this.#state.deadlines.next) this.advance(time);
    relayIcmp(this.#state, at, error, time.instant);
  }

  /** Ends everything whose time has come. */
  advance(time: Time): void {
    const state = this.#state;
    for (let due = state.deadlines.takeDue(time.instant); due; due = state.deadlines.takeDue(time.instant)) {
      switch (due.kind) {
        case 'relayed-address':
          state.endRelayedAddress(due.owner, 'expired', time.instant);
          break;
        case 'permission':
          state.expirePermission(due.owner);
          break;
        case 'channel':
          state.unbindChannel(due.owner);
          break;
        case 'peer-connection':
          peerGone(state, due.owner, time);
          break;
        case 'reservation':
          state.endReservation(due.owner);
          break;
      }
    }
  }

  /** Answer to `open-relay`: the socket is open. */
  relayOpened(relayedAddress: RelayedAddress, time: Time): void {
    relayOpened(this.#state, relayedAddress, time);
  }

  /** Answer to `open-relay`: there is no socket. */
  relayFailed(relayedAddress: RelayedAddress, failure: OpenFailure, time: Time): void {
    relayFailed(this.#state, relayedAddress, failure, time);
  }

  /** A relay socket that was open is gone. Its client learns of it at the next Refresh and allocates anew. */
  relayLost(relayedAddress: RelayedAddress, time: Time): void {
    if (relayedAddress.state !== 'open') return;
    if (this.#state.pendingAllocates.has(relayedAddress)) {
      relayFailed(this.#state, relayedAddress, 'unavailable', time);
      return;
    }
    this.#state.endRelayedAddress(relayedAddress, 'relay-socket-lost', time.instant);
  }

  /** Answer to `ask-admission`. */
  admissionDecided(id: string, verdict: AdmissionVerdict, time: Time): void {
    admissionDecided(this.#state, id, verdict, time);
  }

  /** The connection of a TCP or TLS client is closed: its allocation ends with it. */
  clientDisconnected(listener: Listener, client: TransportAddress, time: Time): void {
    const allocation = this.#state.allocations.get(listener.id, client.ip, client.port);
    if (allocation !== undefined) this.#end(allocation, 'client-disconnected', time);
  }

  /** Answer to `connect-peer`: the peer has accepted. */
  peerConnected(connection: PeerConnection, time: Time): void {
    peerConnected(this.#state, connection, time);
  }

  /** The connection with a peer could not be made, or is closed, or the client's that it was joined with is. */
  peerGone(connection: PeerConnection, time: Time): void {
    peerGone(this.#state, connection, time);
  }

  /** A peer has connected to a TCP relay; `undefined` means that it is to be closed at once. */
  peerAttempt(at: RelayedAddress, from: TransportAddress, time: Time): PeerConnection | undefined {
    return connectionAttempt(this.#state, at, from, time);
  }

  /**
   * Counts bytes that pass over a joined connection.
   *
   * @returns how many milliseconds its sender is to be held back, because a rate is used up.
   */
  passStream(connection: PeerConnection, direction: 'fromClient' | 'toClient', bytes: number, now: Instant): number {
    connection.allocation[direction].packets++;
    connection.allocation[direction].bytes += bytes;
    const total = direction === 'fromClient' ? this.counters.fromClients : this.counters.toClients;
    total.packets++;
    total.bytes += bytes;
    return this.#state.charge(connection.allocation, bytes, now);
  }

  /** Counts what a data plane has carried by itself over a channel, since the last call; also when the channel is no more. */
  countForwarded({ allocation }: ChannelBinding, fromClient: Readonly<Traffic>, toClient: Readonly<Traffic>): void {
    add(allocation.fromClient, fromClient);
    add(allocation.toClient, toClient);
    add(this.counters.fromClients, fromClient);
    add(this.counters.toClients, toClient);
  }

  /** Counts a packet that the sockets could not send, or that was let go before it was handed in. */
  countDrop(reason: 'send-failed' | 'send-queue-full' | 'would-fragment' | 'unfair-share'): void {
    this.#state.drop(Drop[reason]);
  }

  /** The relay address of a family has changed; allocations that exist keep theirs. */
  setRelayAddress(family: AddressFamily, address: RelayAddress | undefined): void {
    this.#state.setRelayAddress(family, address);
  }

  /** Switches NAT behaviour discovery (RFC 5780) on between these sockets, or off. */
  setNatDiscovery(discovery: NatDiscovery | undefined): void {
    this.#state.natDiscovery = discovery;
  }

  /** From now on new nonces are made with a new key, at all servers of the daemon; one of them does it. */
  rotateNonceKey(): void {
    this.#state.shared.nonceKeys.rotate(this.#state.options.random);
  }

  /** Takes over other options; what an allocation was given once, it keeps. */
  configure(options: ChangeableOptions): void {
    this.#state.configure(options);
  }

  /** Says which allocations are asked about from now on. */
  setAdmission(mode: AdmissionMode): void {
    this.#state.admission = mode;
  }

  /** What each user has relayed since the last call. */
  takeUsage(): UsageDelta[] {
    return this.#state.usage.take(this.#state.allocationsById.values());
  }

  /** Refuses new allocations; those that exist go on. */
  startDraining(): void {
    this.#state.draining = true;
  }

  /** Live allocations. */
  get allocations(): Iterable<Allocation> {
    return this.#state.allocationsById.values();
  }

  /** The live allocation of this id. */
  allocation(id: string): Allocation | undefined {
    return this.#state.allocationsById.get(id);
  }

  /** How much of everything there is at this moment. */
  get population(): Population {
    return this.#state.population;
  }

  /** Shows the population to the other threads of the daemon. The host calls it when it has worked something off. */
  publish(): void {
    this.#state.publish();
  }

  /** How many relay ports of a family no server of the daemon has. */
  freePorts(family: AddressFamily): number {
    return this.#state.shared.ports.free(family);
  }

  /** Live allocations of one user at all servers of the daemon. */
  allocationsOf(user: string): number {
    return this.#state.shared.admissions.allocationsOf(user);
  }

  /** Ends an allocation at once; false when there is none of this id. */
  endAllocation(id: string, reason: EndReason, time: Time): boolean {
    const allocation = this.#state.allocationsById.get(id);
    if (allocation === undefined) return false;
    this.#end(allocation, reason, time);
    return true;
  }

  /** Ends all allocations that are the like; how many. */
  endAllocations(isMeant: (allocation: Allocation) => boolean, reason: EndReason, time: Time): number {
    const meant = [...this.#state.allocationsById.values()].filter(isMeant);
    for (const allocation of meant) this.#end(allocation, reason, time);
    return meant.length;
  }

  #end(allocation: Allocation, reason: EndReason, time: Time): void {
    if (allocation.answer === undefined) abandonAllocate(this.#state, allocation);
    else this.#state.endAllocation(allocation, reason, time.instant);
  }

  #receiveStun(listener: Listener, arrival: Arrival, time: Time): Verdict {
    const state = this.#state;
    const message = this.#message;
    const result = message.read(arrival.buffer, arrival.start, arrival.end);
    if (result === ReadResult.noCookie && state.options.rfc3489) return this.#receiveClassic(listener, arrival, time);
    if (result !== ReadResult.ok) return state.drop(readDrops.get(result)!);
    if (!fingerprintHolds(message)) return state.drop(Drop['bad-fingerprint']);
    if (message.messageClass === MessageClass.indication && message.method === Method.send) {
      return relaySendIndication(state, listener, message, arrival, time.instant);
    }
    // A Binding indication only keeps a NAT mapping alive (RFC 8489 §6.3.2).
    if (message.messageClass === MessageClass.indication && message.method === Method.binding) return Verdict.nothing;
    // Only requests are ever answered; two servers can never keep each other busy.
    if (message.messageClass !== MessageClass.request) return state.drop(Drop['not-a-request']);
    const client = { ip: arrival.source.ip.toIpAddress(), port: arrival.source.port };
    receiveRequest(state, { message, listener, client, time });
    return Verdict.nothing;
  }

  /** A Binding request of RFC 3489; nothing else of that protocol is answered. */
  #receiveClassic(listener: Listener, arrival: Arrival, time: Time): Verdict {
    const message = this.#message;
    const result = message.read(arrival.buffer, arrival.start, arrival.end, true);
    if (result !== ReadResult.ok) return this.#state.drop(readDrops.get(result)!);
    if (message.messageClass !== MessageClass.request || message.method !== Method.binding) {
      return this.#state.drop(Drop['no-magic-cookie']);
    }
    const client = { ip: arrival.source.ip.toIpAddress(), port: arrival.source.port };
    receiveRequest(this.#state, { message, listener, client, time, classic: true });
    return Verdict.nothing;
  }
}

function add(total: Traffic, more: Readonly<Traffic>): void {
  total.packets += more.packets;
  total.bytes += more.bytes;
}
