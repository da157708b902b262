import type { AddressWords, TransportAddress } from '../../stun/ip-address.ts';
import type { AddressFamily } from '../../stun/protocol.ts';
import { DatagramSockets, SystemCallError, systemErrorName } from '../../syscalls/datagram-sockets.ts';
import { IcmpErrors } from '../../syscalls/icmp-errors.ts';
import type { Libc, NativeMemory } from '../../syscalls/libc.ts';
import { Outbox } from '../../syscalls/outbox.ts';
import { Poller } from '../../syscalls/poller.ts';
import { ReceiveBatch } from '../../syscalls/receive-batch.ts';
import { Errno } from '../../syscalls/structures.ts';
import type { RelayedAddress } from '../../turn/allocation.ts';
import { newPlaneCounts } from '../../turn/counters.ts';
import { Arrival, type Departure, HEADROOM, IcmpArrival, TAILROOM } from '../../turn/packet.ts';
import type { RelayPlane, RelayPlaneEvents, SendFailure } from '../relay-plane.ts';
import { BatchListener, type BatchListenerEvents } from './batch-listener.ts';
import { FairShare } from './fair-share.ts';
import { PlaneSocket } from './plane-socket.ts';

const LARGEST_DATAGRAM = 65_535;
/** Datagrams that are taken in before what came of them is sent. */
const SLOTS = 256;
/** Datagrams of one call. */
const BATCH = 64;
/** How many calls a socket of clients gets in one turn before the next one has its own; a relay's gets one, as few share it. */
const CLIENT_CALLS = 8;
/** ICMP errors that are read in one turn. */
const ERRORS_AT_ONCE = 64;
/** Room for what is sent from other memory than the slots: answers, and packets of TCP clients. */
const COPIES_BYTES = 1 << 20;
/** So many answers wait for each other: one takes as long to make as many packets to relay, and a client waits for it. */
const ANSWERS_AT_ONCE = 4;
const CLIENT_BUFFER_BYTES = 4 * 1024 * 1024;
const RELAY_BUFFER_BYTES = 256 * 1024;

export interface BatchPlaneOptions {
  /** Random bits; see {@link FairShare}. */
  readonly seed: number;
  /** Writes down which descriptor a relay socket has, for whoever has to close it should this thread end. */
  readonly descriptors?: {
    setDescriptor(family: AddressFamily, port: number, descriptor: number): void;
  };
}

/**
 * The plane for Linux: epoll tells which sockets have something, recvmmsg takes in up to 64 datagrams with one call, and what
 * comes of them leaves with as few calls as possible. Packets stay where they arrived until they have left; only their
 * headers change.
 *
 * It does its work in {@link turn}, which whoever owns the thread calls: a loop that does nothing else, or the event loop
 * when {@link descriptor} is readable.
 */
export class BatchPlane implements RelayPlane {
  readonly name = 'batch';
  readonly dontFragment = true;
  readonly counters = newPlaneCounts();
  readonly #events: RelayPlaneEvents;
  readonly #descriptors: BatchPlaneOptions['descriptors'];
  readonly #poller: Poller;
  readonly #kernel: DatagramSockets;
  readonly #errors: IcmpErrors;
  readonly #batch: ReceiveBatch;
  readonly #outbox: Outbox;
  readonly #copies: NativeMemory;
  readonly #seed: number;
  /** By descriptor. */
  readonly #sockets: (PlaneSocket | undefined)[] = [];
  /** By the id of the relayed address. */
  readonly #relays: (PlaneSocket | undefined)[] = [];
  readonly #watched = new Map<number, () => void>();
  /** What became of sockets that were to be opened, to be told with the next turn. */
  #opened: (() => void)[] = [];
  readonly #arrival = new Arrival();
  readonly #icmp = new IcmpArrival();
  #takenIn = 0;
  /** What left from other memory than the slots to clients: answers to requests, mostly. */
  #answers = 0;
  #usedSlots = 0;
  #usedCopies = 0;
  #failure: SendFailure = 'send-failed';

  private constructor(libc: Libc, poller: Poller, events: RelayPlaneEvents, { seed, descriptors }: BatchPlaneOptions) {
    this.#events = events;
    this.#descriptors = descriptors;
    this.#poller = poller;
    this.#kernel = new DatagramSockets(libc);
    this.#errors = new IcmpErrors(libc);
    this.#batch = new ReceiveBatch(libc, SLOTS, LARGEST_DATAGRAM, HEADROOM, TAILROOM);
    this.#copies = libc.memory(COPIES_BYTES);
    this.#seed = seed;
    this.#outbox = new Outbox(libc, 2 * SLOTS, { failed: (errno, datagrams) => this.#undelivered(errno, datagrams) });
  }

  static open(libc: Libc, events: RelayPlaneEvents, options: BatchPlaneOptions): BatchPlane | SystemCallError {
    const poller = Poller.open(libc);
    return poller instanceof SystemCallError ? poller : new BatchPlane(libc, poller, events, options);
  }

  /** Becomes readable when {@link turn} has something to do. */
  get descriptor(): number {
    return this.#poller.descriptor;
  }

  /** Whether {@link turn} has something to do that {@link descriptor} does not tell. */
  get isPending(): boolean {
    return this.#opened.length > 0 || this.#outbox.free < this.#outbox.capacity;
  }

  /**
   * Waits for packets, relays them, and tells what has happened.
   *
   * @param milliseconds how long to wait at most, which blocks the thread; 0 only looks.
   * @returns how many packets came in to be relayed: all but those that were answered.
   */
  turn(milliseconds: number): number {
    const before = this.#takenIn - this.#answers;
    const ready = this.#poller.wait(this.isPending ? 0 : milliseconds);
    this.#events.turning(true);
    for (let i = 0; i < ready; i++) {
      const descriptor = this.#poller.descriptorAt(i);
      const socket = this.#sockets[descriptor];
      if (socket === undefined) {
        this.#watched.get(descriptor)?.();
        continue;
      }
      if (this.#poller.hasErrorAt(i) && !this.#readErrors(socket)) continue;
      if (socket.listener !== undefined) this.#receiveFromClients(socket, socket.listener);
      else this.#receiveFromPeers(socket, socket.relayedAddress!);
    }
    this.#tellOpened();
    this.#flush();
    this.#events.turning(false);
    return Math.max(0, this.#takenIn - this.#answers - before);
  }

  // The sockets of clients

  /** Takes in clients at a socket that is bound already. */
  listen(id: number, local: TransportAddress, descriptor: number, events: BatchListenerEvents): BatchListener {
    const fairShare = new FairShare(CLIENT_CALLS * BATCH, this.#seed);
    const listener = new BatchListener(this, id, local, descriptor, fairShare, events);
    listener.socket.overflows = this.#kernel.overflows(descriptor);
    this.#sockets[descriptor] = listener.socket;
    this.#poller.add(descriptor);
    return listener;
  }

  /** Takes in no more clients there. */
  release({ socket }: BatchListener): void {
    this.#outbox.flush(socket);
    this.#poller.remove(socket.descriptor);
    this.#sockets[socket.descriptor] = undefined;
  }

  /** Calls `ready` in the turn after this descriptor became readable. */
  watch(descriptor: number, ready: () => void): void {
    this.#watched.set(descriptor, ready);
    this.#poller.add(descriptor);
  }

  // RelayPlane

  open(relayedAddress: RelayedAddress): void {
    const { local } = relayedAddress;
    const options = { headerFields: true, icmpErrors: true, receiveBufferBytes: RELAY_BUFFER_BYTES };
    const descriptor = this.#kernel.open(local, options);
    const error = descriptor instanceof SystemCallError ? descriptor : this.#poller.add(descriptor);
    if (error !== undefined) {
      if (typeof descriptor === 'number') this.#kernel.close(descriptor);
      const failure = error.errno === Errno.EADDRINUSE ? 'port-in-use' : 'unavailable';
      this.#opened.push(() => this.#events.failed(relayedAddress, failure, error.message));
      return;
    }
    const socket = new PlaneSocket(descriptor as number, local.ip.family, relayedAddress, undefined);
    this.#sockets[socket.descriptor] = socket;
    this.#relays[relayedAddress.id] = socket;
    this.#descriptors?.setDescriptor(local.ip.family, local.port, socket.descriptor);
    this.#opened.push(() => {
      if (this.#relays[relayedAddress.id] === socket) this.#events.opened(relayedAddress);
    });
  }

  close(relayedAddress: RelayedAddress): void {
    const socket = this.#relays[relayedAddress.id];
    if (socket?.relayedAddress !== relayedAddress) return;
    this.#relays[relayedAddress.id] = undefined;
    this.#outbox.flush(socket);
    this.#sockets[socket.descriptor] = undefined;
    // A closed descriptor leaves the poller by itself.
    this.#kernel.close(socket.descriptor);
  }

  transmit(departure: Departure): void {
    const { relayedAddress, buffer, start, end, peer, port, ttl, trafficClass } = departure;
    const socket = relayedAddress && this.#relays[relayedAddress.id];
    if (socket === undefined) {
      this.#events.undelivered('send-failed', 'no socket');
      return;
    }
    if (!departure.dontFragment) {
      this.send(socket, buffer, start, end, peer, port, ttl, trafficClass);
      return;
    }
    // The bit is the socket's, not the packet's, so the packet travels alone.
    this.#outbox.flush(socket);
    this.#kernel.setDontFragment(socket.descriptor, socket.family, true);
    this.#failure = 'would-fragment';
    this.send(socket, buffer, start, end, peer, port, ttl, trafficClass);
    this.#outbox.flush(socket);
    this.#failure = 'send-failed';
    this.#kernel.setDontFragment(socket.descriptor, socket.family, false);
  }

  // Every packet comes through the process here, so a channel needs no installing.
  bindChannel(): void {}
  unbindChannel(): undefined {}
  forwarded(): undefined {}

  stop(): void {
    this.#outbox.flushAll();
    for (const socket of this.#relays) if (socket !== undefined) this.close(socket.relayedAddress!);
    this.#poller.close();
  }

  // Sending

  /** Queues `buffer[start, end)` to leave with this turn. The bytes are copied unless they are where they arrived. */
  send(
    socket: PlaneSocket,
    buffer: Buffer,
    start: number,
    end: number,
    ip: AddressWords,
    port: number,
    ttl: number,
    trafficClass: number,
  ): void {
    if (this.#outbox.free === 0) this.#sendAll();
    const length = end - start;
    if (buffer === this.#batch.memory.bytes) {
      const address = this.#batch.memory.address + start;
      this.#outbox.add(socket, address, length, ip, port, ttl, trafficClass);
      return;
    }
    if (this.#usedCopies + length > COPIES_BYTES) this.#sendAll();
    buffer.copy(this.#copies.bytes, this.#usedCopies, start, end);
    const address = this.#copies.address + this.#usedCopies;
    this.#usedCopies += length;
    this.#outbox.add(socket, address, length, ip, port, ttl, trafficClass);
    if (socket.listener !== undefined && ++this.#answers % ANSWERS_AT_ONCE === 0) this.#outbox.flush(socket);
  }

  /** Sends all that is queued; the slots that it was in stay as they are. */
  #sendAll(): void {
    this.#outbox.flushAll();
    this.#usedCopies = 0;
    this.counters.sent = this.#outbox.counters.datagrams;
    this.counters.sendCalls = this.#outbox.counters.calls;
  }

  #flush(): void {
    this.#sendAll();
    this.#usedSlots = 0;
  }

  #undelivered(errno: number, datagrams: number): void {
    const full = errno === Errno.EAGAIN || errno === Errno.ENOBUFS;
    const failure = full ? 'send-queue-full' : errno === Errno.EMSGSIZE ? this.#failure : 'send-failed';
    for (let i = 0; i < datagrams; i++) this.#events.undelivered(failure, systemErrorName(errno));
  }

  // Receiving

  #receiveFromClients(socket: PlaneSocket, listener: BatchListener): void {
    const arrival = this.#arrival;
    const { fairShare } = listener;
    let full = true;
    let busy = false;
    for (let call = 0; full && call < CLIENT_CALLS; call++) {
      const first = this.#receive(socket.descriptor);
      full = this.#usedSlots - first === BATCH;
      busy ||= full;
      for (let slot = first; slot < this.#usedSlots; slot++) {
        if (!this.#take(slot)) continue;
        if (fairShare.admit(arrival.source)) listener.events.received(listener, arrival);
        else listener.events.shed();
      }
    }
    if (busy || fairShare.engaged) this.#shareFairly(socket, fairShare);
  }

  #receiveFromPeers(socket: PlaneSocket, relayedAddress: RelayedAddress): void {
    const first = this.#receive(socket.descriptor);
    for (let slot = first; slot < this.#usedSlots; slot++) {
      if (!this.#take(slot)) continue;
      this.counters.received++;
      this.#events.received(relayedAddress, this.#arrival);
    }
  }

  /** Takes in what is there; the datagrams are in the slots from the number that is returned up to the used ones. */
  #receive(descriptor: number): number {
    if (SLOTS - this.#usedSlots < BATCH) this.#flush();
    const first = this.#usedSlots;
    const received = Math.max(0, this.#batch.receive(descriptor, first, BATCH));
    this.#usedSlots += received;
    this.#takenIn += received;
    this.counters.receiveCalls++;
    return first;
  }

  #take(slot: number): boolean {
    const arrival = this.#arrival;
    arrival.buffer = this.#batch.memory.bytes;
    return this.#batch.take(slot, arrival);
  }

  #shareFairly(socket: PlaneSocket, fairShare: FairShare): void {
    const overflows = this.#kernel.overflows(socket.descriptor);
    const lost = (overflows - socket.overflows) >>> 0;
    fairShare.endTurn(lost > 0 ? 1 : this.#kernel.fullness(socket.descriptor));
    this.counters.overflows += lost;
    socket.overflows = overflows;
  }

  /** @returns false when the socket was closed because of what it told: its descriptor may be another thread's by now. */
  #readErrors(socket: PlaneSocket): boolean {
    const { relayedAddress, descriptor } = socket;
    for (let i = 0; i < ERRORS_AT_ONCE && this.#errors.take(descriptor, this.#icmp); i++) {
      if (this.#icmp.type < 0 || relayedAddress === undefined) continue;
      this.counters.icmpErrors++;
      this.#events.icmp(relayedAddress, this.#icmp);
      if (this.#sockets[descriptor] !== socket) return false;
    }
    this.#kernel.takeError(descriptor);
    return true;
  }

  #tellOpened(): void {
    while (this.#opened.length > 0) {
      const opened = this.#opened;
      this.#opened = [];
      for (const tell of opened) tell();
    }
  }
}

/** How a socket for clients is opened that a {@link BatchPlane} is to serve. */
export const clientSocketOptions = { headerFields: true, receiveBufferBytes: CLIENT_BUFFER_BYTES } as const;
