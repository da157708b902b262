import type { AddressWords } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { viewOf } from './datagram-sockets.ts';
import type { Libc, NativeMemory } from './libc.ts';
import { writePointer } from './pointers.ts';
import { writeSockaddr } from './sockaddr.ts';
import {
  CMSG_HEADER,
  Cmsghdr,
  Errno,
  IOVEC_LENGTH,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_TCLASS,
  MMSGHDR_LENGTH,
  Mmsghdr,
  MSG_DONTWAIT,
  SOCKADDR_SLOT,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_SEGMENT,
} from './structures.ts';

/** What waits to leave through one socket: a list within an {@link Outbox}. */
export class SendQueue {
  readonly descriptor: number;
  /** Numbers of entries of the outbox; -1 for none. */
  first = -1;
  last = -1;
  /** Whether the outbox has it in its list of queues to flush. */
  listed = false;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }
}

export interface OutboxEvents {
  /** This many datagrams did not leave, for this reason. */
  failed(errno: number, datagrams: number): void;
}

/** What an outbox has done so far. */
export interface OutboxCounters {
  datagrams: number;
  calls: number;
}

/** One header field: its header, a 32-bit number, padding. */
const FIELD = CMSG_HEADER + 8;
/**
 * Traffic class, TTL, segment size: in this order, because most datagrams have only a TTL to set, and up to 36 bytes the
 * kernel needs no memory of its own for them.
 */
const CONTROL_SLOT = 3 * FIELD;
/** The most segments that every kernel with UDP_SEGMENT takes. */
const MOST_SEGMENTS = 64;
/** The most bytes of one send, with a wide berth. */
const MOST_BYTES = 60_000;
/** What fits an Ethernet frame; larger datagrams are sent one by one. */
const LARGEST_SEGMENT = 1452;
/** After so many flushes a refusal is forgotten: it may have been about one path, which is not to slow down the others. */
const REFUSAL_LASTS_FLUSHES = 1000;

/**
 * Datagrams that wait to leave, for any number of sockets, in memory that stays where it is until they are flushed. A flush
 * sends all that waits at one socket with as few calls as it takes (sendmmsg); datagrams of one size to one address leave as
 * one (UDP_SEGMENT). Order is kept within a socket.
 */
export class Outbox {
  readonly counters: OutboxCounters = { datagrams: 0, calls: 0 };
  readonly capacity: number;
  readonly #libc: Libc;
  readonly #events: OutboxEvents;
  #count = 0;
  /** Those that have something, the first {@link #queueCount} of them. */
  readonly #queues: SendQueue[] = [];
  #queueCount = 0;

  // The entries, by number.
  readonly #next: Int32Array;
  readonly #address: Float64Array;
  readonly #length: Int32Array;
  readonly #family: Uint8Array;
  readonly #ip: Int32Array;
  readonly #port: Uint16Array;
  readonly #ttl: Int16Array;
  readonly #trafficClass: Uint8Array;

  // What the kernel reads.
  readonly #memory: NativeMemory;
  readonly #view: DataView;
  readonly #iovecsAt: number;
  readonly #namesAt: number;
  readonly #controlsAt: { readonly ipv4: number; readonly ipv6: number };
  /** The first entry of each message, and how many it has. */
  readonly #messageEntry: Int32Array;
  readonly #messageEntries: Int32Array;
  /** Datagrams larger than this are not joined for a while: the kernel has refused to. */
  #largestSegment = LARGEST_SEGMENT;
  #refusalLasts = 0;

  constructor(libc: Libc, capacity: number, events: OutboxEvents) {
    this.#libc = libc;
    this.#events = events;
    this.capacity = capacity;
    this.#next = new Int32Array(capacity);
    this.#address = new Float64Array(capacity);
    this.#length = new Int32Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#ip = new Int32Array(capacity * 4);
    this.#port = new Uint16Array(capacity);
    this.#ttl = new Int16Array(capacity);
    this.#trafficClass = new Uint8Array(capacity);
    this.#messageEntry = new Int32Array(capacity);
    this.#messageEntries = new Int32Array(capacity);

    this.#iovecsAt = capacity * MMSGHDR_LENGTH;
    this.#namesAt = this.#iovecsAt + capacity * IOVEC_LENGTH;
    const ipv4 = this.#namesAt + capacity * SOCKADDR_SLOT;
    const ipv6 = ipv4 + capacity * CONTROL_SLOT;
    this.#controlsAt = { ipv4, ipv6 };
    this.#memory = libc.memory(ipv6 + capacity * CONTROL_SLOT);
    this.#view = viewOf(this.#memory);
    for (let i = 0; i < capacity; i++) this.#prepare(i);
  }

  get free(): number {
    return this.capacity - this.#count;
  }

  /**
   * Queues a datagram; its bytes must stay as they are until {@link flushAll}. There must be room ({@link free}).
   *
   * @param address where the bytes are.
   * @param ttl time to live or hop limit; -1 for the system's default.
   */
  add(
    queue: SendQueue,
    address: number,
    length: number,
    ip: AddressWords,
    port: number,
    ttl: number,
    trafficClass: number,
  ): void {
    const entry = this.#count++;
    this.#next[entry] = -1;
    this.#address[entry] = address;
    this.#length[entry] = length;
    this.#family[entry] = ip.family;
    const word = entry * 4;
    this.#ip[word] = ip.w0;
    this.#ip[word + 1] = ip.w1;
    this.#ip[word + 2] = ip.w2;
    this.#ip[word + 3] = ip.w3;
    this.#port[entry] = port;
    this.#ttl[entry] = ttl;
    this.#trafficClass[entry] = trafficClass;
    if (queue.first < 0) queue.first = entry;
    else this.#next[queue.last] = entry;
    queue.last = entry;
    if (!queue.listed) {
      queue.listed = true;
      this.#queues[this.#queueCount++] = queue;
    }
  }

  /** Sends everything that waits; what cannot be sent is told and forgotten. */
  flushAll(): void {
    for (let i = 0; i < this.#queueCount; i++) {
      const queue = this.#queues[i]!;
      queue.listed = false;
      this.flush(queue);
    }
    this.#queueCount = 0;
    this.#count = 0;
    if (this.#refusalLasts > 0 && --this.#refusalLasts === 0) this.#largestSegment = LARGEST_SEGMENT;
  }

  /** Sends what waits at one socket, such as before it is closed. */
  flush(queue: SendQueue): void {
    let entry = queue.first;
    queue.first = -1;
    queue.last = -1;
    for (let refused = false; entry >= 0; refused = true) entry = this.#send(queue.descriptor, entry, refused);
  }

  /**
   * Sends a list of entries.
   *
   * @param refused the first of them was just refused together with others.
   * @returns the entry to go on with, because the kernel refused to have it sent as one with others; else -1.
   */
  #send(descriptor: number, from: number, refused: boolean): number {
    const messages = this.#compose(from);
    let triedAgain = -1;
    for (let first = 0; first < messages; ) {
      const headers = this.#memory.address + first * MMSGHDR_LENGTH;
      const sent = this.#libc.sendmmsg(descriptor, headers, messages - first, MSG_DONTWAIT);
      this.counters.calls++;
      if (sent > 0) {
        for (let i = first; i < first + sent; i++) this.counters.datagrams += this.#messageEntries[i]!;
        first += sent;
        continue;
      }
      const errno = this.#libc.errno();
      const entries = this.#messageEntries[first]!;
      if (errno === Errno.EINTR) continue;
      // An earlier packet's ICMP error is told once, with the next send, which is not to blame for it.
      if (isOldError(errno) && triedAgain !== first) {
        triedAgain = first;
        continue;
      }
      if (entries > 1 && isSegmentRefusal(errno)) {
        this.#stopJoining(errno, this.#length[this.#messageEntry[first]!]!);
        return this.#messageEntry[first]!;
      }
      if (errno === Errno.EAGAIN || errno === Errno.ENOBUFS) {
        // The kernel's buffer is full; what is behind would only find it full as well.
        for (let i = first; i < messages; i++) this.#events.failed(errno, this.#messageEntries[i]!);
        return -1;
      }
      // Alone it cannot leave either, so that it was joined with others was not the reason.
      if (refused && first === 0) this.#largestSegment = LARGEST_SEGMENT;
      this.#events.failed(errno, entries);
      first++;
    }
    return -1;
  }

  /** Writes the messages that the kernel is to send; how many there are. */
  #compose(from: number): number {
    const next = this.#next;
    const lengths = this.#length;
    let messages = 0;
    let iovecs = 0;
    for (let entry = from; entry >= 0; ) {
      const size = lengths[entry]!;
      const firstIovec = iovecs;
      this.#writeIovec(iovecs++, entry);
      let following = next[entry]!;
      if (size <= this.#largestSegment && size > 0 && this.#canJoin(entry)) {
        let total = size;
        while (following >= 0 && iovecs - firstIovec < MOST_SEGMENTS) {
          const length = lengths[following]!;
          if (length > size || length === 0 || total + length > MOST_BYTES || !this.#sameWay(entry, following)) break;
          this.#writeIovec(iovecs++, following);
          total += length;
          following = next[following]!;
          // Only the last segment may be shorter.
          if (length < size) break;
        }
      }
      this.#writeMessage(messages, entry, firstIovec, iovecs - firstIovec);
      messages++;
      entry = following;
    }
    return messages;
  }

  /** A traffic class without a TTL and a segment size do not stand side by side in the row of fields. */
  #canJoin(entry: number): boolean {
    return this.#ttl[entry]! >= 0 || this.#trafficClass[entry] === 0;
  }

  #sameWay(a: number, b: number): boolean {
    const ip = this.#ip;
    const wordA = a * 4;
    const wordB = b * 4;
    return (
      this.#port[a] === this.#port[b] &&
      ip[wordA] === ip[wordB] &&
      ip[wordA + 3] === ip[wordB + 3] &&
      ip[wordA + 2] === ip[wordB + 2] &&
      ip[wordA + 1] === ip[wordB + 1] &&
      this.#family[a] === this.#family[b] &&
      this.#ttl[a] === this.#ttl[b] &&
      this.#trafficClass[a] === this.#trafficClass[b]
    );
  }

  #writeIovec(index: number, entry: number): void {
    const at = this.#iovecsAt + index * IOVEC_LENGTH;
    writePointer(this.#view, at, this.#address[entry]!);
    this.#view.setUint32(at + 8, this.#length[entry]!, true);
  }

  #writeMessage(message: number, entry: number, iovec: number, iovecs: number): void {
    const view = this.#view;
    const { address } = this.#memory;
    const header = message * MMSGHDR_LENGTH;
    const ipv6 = this.#family[entry] === AddressFamily.ipv6;
    this.#destination.set(this.#ip, entry, ipv6);
    const name = this.#namesAt + message * SOCKADDR_SLOT;
    view.setUint32(
      header + Mmsghdr.nameLength,
      writeSockaddr(view, name, this.#destination, this.#port[entry]!, 0),
      true,
    );
    writePointer(view, header + Mmsghdr.iov, address + this.#iovecsAt + iovec * IOVEC_LENGTH);
    view.setUint32(header + Mmsghdr.iovCount, iovecs, true);
    this.#messageEntry[message] = entry;
    this.#messageEntries[message] = iovecs;

    const ttl = this.#ttl[entry]!;
    const trafficClass = this.#trafficClass[entry]!;
    // The three fields stand in a row, and a message uses those from one to another.
    const firstField = trafficClass !== 0 ? 0 : ttl >= 0 ? 1 : 2;
    const endField = iovecs > 1 ? 3 : ttl >= 0 || trafficClass === 0 ? 2 : 1;
    if (firstField >= endField) {
      view.setUint32(header + Mmsghdr.controlLength, 0, true);
      return;
    }
    const control = (ipv6 ? this.#controlsAt.ipv6 : this.#controlsAt.ipv4) + message * CONTROL_SLOT;
    view.setInt32(control + Cmsghdr.data, trafficClass, true);
    view.setInt32(control + FIELD + Cmsghdr.data, ttl, true);
    view.setUint16(control + 2 * FIELD + Cmsghdr.data, this.#length[entry]!, true);
    writePointer(view, header + Mmsghdr.control, address + control + firstField * FIELD);
    view.setUint32(header + Mmsghdr.controlLength, (endField - firstField) * FIELD, true);
  }

  readonly #destination = new EntryAddress();

  /** Writes what stays the same in a message's place. */
  #prepare(message: number): void {
    const view = this.#view;
    const name = this.#memory.address + this.#namesAt + message * SOCKADDR_SLOT;
    writePointer(view, message * MMSGHDR_LENGTH + Mmsghdr.name, name);
    for (const ipv6 of [false, true]) {
      const control = (ipv6 ? this.#controlsAt.ipv6 : this.#controlsAt.ipv4) + message * CONTROL_SLOT;
      const level = ipv6 ? SOL_IPV6 : SOL_IP;
      writeField(view, control, level, ipv6 ? IPV6_TCLASS : IP_TOS, 4);
      writeField(view, control + FIELD, level, ipv6 ? IPV6_HOPLIMIT : IP_TTL, 4);
      writeField(view, control + 2 * FIELD, SOL_UDP, UDP_SEGMENT, 2);
    }
  }

  #stopJoining(errno: number, size: number): void {
    // EINVAL and EMSGSIZE are about the size (a path with a smaller MTU); the others are about this machine.
    const aboutSize = errno === Errno.EINVAL || errno === Errno.EMSGSIZE;
    this.#largestSegment = aboutSize ? size - 1 : 0;
    this.#refusalLasts = REFUSAL_LASTS_FLUSHES;
  }
}

/** The IP address of an entry, read in place. */
class EntryAddress implements AddressWords {
  family: AddressFamily = AddressFamily.ipv4;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;

  set(words: Int32Array, entry: number, ipv6: boolean): void {
    const word = entry * 4;
    this.family = ipv6 ? AddressFamily.ipv6 : AddressFamily.ipv4;
    this.w0 = words[word]!;
    this.w1 = words[word + 1]!;
    this.w2 = words[word + 2]!;
    this.w3 = words[word + 3]!;
  }
}

function writeField(view: DataView, at: number, level: number, type: number, length: number): void {
  view.setUint32(at + Cmsghdr.length, CMSG_HEADER + length, true);
  view.setInt32(at + Cmsghdr.level, level, true);
  view.setInt32(at + Cmsghdr.type, type, true);
}

function isSegmentRefusal(errno: number): boolean {
  return (
    errno === Errno.EINVAL ||
    errno === Errno.EMSGSIZE ||
    errno === Errno.EIO ||
    errno === Errno.EOPNOTSUPP ||
    errno === Errno.ENOPROTOOPT
  );
}

/** What an ICMP message makes of the next send on a socket that asks for such errors. */
function isOldError(errno: number): boolean {
  return (
    errno === Errno.ECONNREFUSED ||
    errno === Errno.EHOSTUNREACH ||
    errno === Errno.EHOSTDOWN ||
    errno === Errno.ENETUNREACH ||
    errno === Errno.ENONET ||
    errno === Errno.EPROTO ||
    errno === Errno.EACCES ||
    errno === Errno.EMSGSIZE ||
    errno === Errno.EOPNOTSUPP ||
    errno === Errno.ENOPROTOOPT
  );
}
