import { readXorAddress, writeXorAddress } from '../stun/attributes/address.ts';
import { readConnectionId, readLifetime, writeChannelNumber, writeLifetime } from '../stun/attributes/allocation.ts';
import { type IcmpError, readIcmp } from '../stun/attributes/icmp.ts';
import {
  CHANNEL_DATA_HEADER_LENGTH,
  CHANNEL_FIRST,
  CHANNEL_LAST,
  isChannelData,
  writeChannelDataHeader,
} from '../stun/channel-data.ts';
import { formatTransportAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../stun/message.ts';
import { Attribute, ErrorCode, MessageClass, Method } from '../stun/protocol.ts';
import type { GrantedAllocation } from './allocate-request.ts';
import type { AuthenticatedRequests } from './authenticated-requests.ts';
import type { Timer } from './clock.ts';
import { RefreshSchedule, type RefreshTask } from './refresh-schedule.ts';
import { isErrorResponse, type RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { readIfPresent, type StunClient } from './stun-client.ts';

/** Longer waits than these end at once (`setTimeout`); what is not due by then is waited for again. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** How one datagram goes to a peer. */
export interface SendOptions {
  /** Asks the server to set the DF bit towards the peer; such data goes in a Send indication (RFC 8656 §11.1). */
  readonly dontFragment?: boolean;
}

/** A peer has connected to the relayed address of a TCP allocation (RFC 6062 §4.4). */
export interface ConnectionAttempt {
  readonly connectionId: number;
  readonly peer: TransportAddress;
}

/**
 * A relayed address at a TURN server, kept alive until {@link close} (RFC 8656).
 * Its handlers may be set at any time; what arrives before is dropped.
 */
export class TurnAllocation {
  /** The relayed address that peers send to; the first of {@link GrantedAllocation.relayedAddresses}. */
  readonly relayedAddress: TransportAddress;
  readonly granted: GrantedAllocation;
  /** Called with what a peer sent; the bytes belong to the receiver. */
  onData: (peer: TransportAddress, bytes: Buffer) => void = () => {};
  /** Called with an ICMP error that a peer's network sent back (RFC 8656 §11.5). */
  onIcmp: (peer: TransportAddress, error: IcmpError) => void = () => {};
  /** Called when a peer connects; only with TCP allocations. */
  onConnectionAttempt: (attempt: ConnectionAttempt) => void = () => {};
  /** Called when a refresh fails. After one of kind `allocation` the allocation is gone, and nothing is refreshed any more. */
  onRefreshFailed: (task: RefreshTask, reason: RequestFailure) => void = () => {};

  readonly #stun: StunClient;
  readonly #requests: AuthenticatedRequests;
  readonly #requestedLifetimeSeconds: number | undefined;
  readonly #schedule = new RefreshSchedule();
  #timer: Timer | undefined;
  #closed = false;
  readonly #received = new StunMessage();
  readonly #peersByChannel = new Map<number, TransportAddress>();
  /** By the text of the peer's transport address. A binding that is being asked for is there but not `bound`. */
  readonly #channelsByPeer = new Map<string, { readonly channel: number; bound: boolean }>();
  #nextChannel = CHANNEL_FIRST;

  constructor(
    stun: StunClient,
    requests: AuthenticatedRequests,
    granted: GrantedAllocation,
    requestedLifetimeSeconds?: number,
  ) {
    this.#stun = stun;
    this.#requests = requests;
    this.#requestedLifetimeSeconds = requestedLifetimeSeconds;
    this.granted = granted;
    this.relayedAddress = granted.relayedAddresses[0];
    stun.onOther = (bytes, from) => this.#receive(bytes, from);
    this.#schedule.allocationRefreshed(granted.lifetimeSeconds, stun.clock.now());
    this.#armTimer();
  }

  /** Lets these peers' addresses, on any port, send to the relayed address (RFC 8656 §9): all of them or none. */
  async createPermission(peers: readonly TransportAddress[]): Promise<Result<void, RequestFailure>> {
    const answer = await this.#requests.request(Method.createPermission, (writer) => {
      for (const peer of peers) writeXorAddress(writer, Attribute.xorPeerAddress, peer);
    });
    if (!answer.ok) return answer;
    this.#schedule.permissionsRefreshed(peers, this.#stun.clock.now());
    this.#armTimer();
    return success(undefined);
  }

  /**
   * Binds a channel to a peer, so that data to and from it costs four bytes more, not thirty-six (RFC 8656 §12).
   * Binding a peer again refreshes its channel.
   *
   * @returns the channel number.
   */
  async bindChannel(peer: TransportAddress): Promise<Result<number, RequestFailure>> {
    const key = formatTransportAddress(peer);
    const known = this.#channelsByPeer.get(key);
    // RFC 8656 §12.1: a number is not given to another peer while it may still be bound, so numbers are used once only.
    if (!known && this.#nextChannel > CHANNEL_LAST) return failure({ kind: 'channels-exhausted' });
    const binding = known ?? { channel: this.#nextChannel++, bound: false };
    const { channel } = binding;
    this.#channelsByPeer.set(key, binding);
    // The server may send on the channel before its answer is here.
    this.#peersByChannel.set(channel, peer);
    const answer = await this.#requests.request(Method.channelBind, (writer) => {
      writeChannelNumber(writer, channel);
      writeXorAddress(writer, Attribute.xorPeerAddress, peer);
    });
    if (!answer.ok) {
      binding.bound = false;
      return answer;
    }
    binding.bound = true;
    this.#schedule.channelRefreshed(channel, peer, this.#stun.clock.now());
    this.#armTimer();
    return success(channel);
  }

  /** Sends to a peer: over its channel when one is bound, else in a Send indication. Nothing tells whether it arrived. */
  send(peer: TransportAddress, bytes: Uint8Array, options: SendOptions = {}): void {
    const binding = this.#channelsByPeer.get(formatTransportAddress(peer));
    if (binding?.bound && !options.dontFragment) {
      this.sendOnChannel(binding.channel, bytes);
      return;
    }
    this.#stun.indication(this.#requests.server, Method.send, (writer) => {
      writeXorAddress(writer, Attribute.xorPeerAddress, peer);
      if (options.dontFragment) writer.flag(Attribute.dontFragment);
      writer.attribute(Attribute.data, bytes);
    });
  }

  /** Sends a ChannelData message (RFC 8656 §12.5), without looking whether the channel is bound. */
  sendOnChannel(channel: number, bytes: Uint8Array): void {
    const message = Buffer.alloc(CHANNEL_DATA_HEADER_LENGTH + bytes.length);
    writeChannelDataHeader(message, 0, channel, bytes.length);
    message.set(bytes, CHANNEL_DATA_HEADER_LENGTH);
    this.#stun.socket.send(message, this.#requests.server);
  }

  /**
   * Refreshes the allocation now (RFC 8656 §8). It is also done by itself, before the lifetime is over.
   *
   * @returns the lifetime in seconds that the server granted.
   */
  async refresh(lifetimeSeconds = this.#requestedLifetimeSeconds): Promise<Result<number, RequestFailure>> {
    const answer = await this.#requests.request(Method.refresh, (writer) => {
      if (lifetimeSeconds !== undefined) writeLifetime(writer, lifetimeSeconds);
    });
    if (!answer.ok) return answer;
    const granted = readIfPresent(answer.value.message, Attribute.lifetime, readLifetime);
    if (granted === undefined) return failure({ kind: 'malformed-response', missing: Attribute.lifetime });
    if (granted > 0) this.#schedule.allocationRefreshed(granted, this.#stun.clock.now());
    this.#armTimer();
    return success(granted);
  }

  /** Gives the allocation back (RFC 8656 §8.1): a Refresh with lifetime 0. The socket stays open. */
  async close(): Promise<Result<void, RequestFailure>> {
    this.abandon();
    const refreshed = await this.refresh(0);
    // A server that no longer knows the allocation has freed it already.
    if (refreshed.ok || isErrorResponse(refreshed.error, ErrorCode.allocationMismatch)) return success(undefined);
    return refreshed;
  }

  /** Stops refreshing and delivering, without telling the server. */
  abandon(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#stun.onOther = () => {};
  }

  #receive(bytes: Buffer, from: TransportAddress): void {
    const { server } = this.#requests;
    if (from.port !== server.port || !sameAddress(from.ip, server.ip) || bytes.length < CHANNEL_DATA_HEADER_LENGTH)
      return;
    if (isChannelData(bytes[0]!)) this.#receiveChannelData(bytes);
    else this.#receiveIndication(bytes);
  }

  #receiveChannelData(bytes: Buffer): void {
    const peer = this.#peersByChannel.get(bytes.readUInt16BE(0));
    const end = CHANNEL_DATA_HEADER_LENGTH + bytes.readUInt16BE(2);
    if (peer && end <= bytes.length) this.onData(peer, bytes.subarray(CHANNEL_DATA_HEADER_LENGTH, end));
  }

  #receiveIndication(bytes: Buffer): void {
    const message = this.#received;
    if (message.read(bytes, 0, bytes.length) !== ReadResult.ok) return;
    if (message.messageClass !== MessageClass.indication) return;
    const peer = readIfPresent(message, Attribute.xorPeerAddress, readXorAddress);
    if (!peer) return;
    if (message.method === Method.data) this.#receiveData(peer, message);
    else if (message.method === Method.connectionAttempt) this.#receiveConnectionAttempt(peer, message);
  }

  // RFC 8656 §11.4
  #receiveData(peer: TransportAddress, message: StunMessage): void {
    const icmp = readIfPresent(message, Attribute.icmp, readIcmp);
    const data = message.find(Attribute.data);
    if (icmp) this.onIcmp(peer, icmp);
    else if (data >= 0) this.onData(peer, message.valueAt(data));
  }

  // RFC 6062 §4.4
  #receiveConnectionAttempt(peer: TransportAddress, message: StunMessage): void {
    const connectionId = readIfPresent(message, Attribute.connectionId, readConnectionId);
    if (connectionId !== undefined) this.onConnectionAttempt({ connectionId, peer });
  }

  #armTimer(): void {
    this.#timer?.cancel();
    const dueAt = this.#schedule.nextDueAt;
    if (this.#closed || dueAt === undefined) return;
    const { clock } = this.#stun;
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(0, dueAt - clock.now()));
    this.#timer = clock.schedule(waitMs, () => this.#refreshDue());
  }

  #refreshDue(): void {
    for (const task of this.#schedule.takeDue(this.#stun.clock.now())) void this.#perform(task);
    this.#armTimer();
  }

  async #perform(task: RefreshTask): Promise<void> {
    const result = await this.#refreshTask(task);
    if (result.ok || this.#closed) return;
    if (task.kind === 'allocation') this.abandon();
    this.onRefreshFailed(task, result.error);
  }

  #refreshTask(task: RefreshTask): Promise<Result<unknown, RequestFailure>> {
    switch (task.kind) {
      case 'allocation':
        return this.refresh();
      case 'permissions':
        return this.createPermission(task.peers);
      case 'channel':
        return this.bindChannel(task.peer);
    }
  }
}
