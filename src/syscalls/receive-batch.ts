import type { MutableTransportAddress } from '../stun/attributes/address.ts';
import { viewOf } from './datagram-sockets.ts';
import type { Libc, NativeMemory } from './libc.ts';
import { writePointer } from './pointers.ts';
import { readSockaddrInto } from './sockaddr.ts';
import {
  Cmsghdr,
  IOVEC_LENGTH,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_TCLASS,
  MMSGHDR_LENGTH,
  Mmsghdr,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SOCKADDR_SLOT,
  SOL_IP,
  SOL_IPV6,
} from './structures.ts';

/** A datagram that arrived: `memory.bytes[start, end)` of the batch. Whoever reads a batch refills one such object. */
export interface ReceivedDatagram {
  start: number;
  end: number;
  readonly source: MutableTransportAddress;
  /** Time to live or hop limit; -1 when the socket does not tell. */
  ttl: number;
  /** The TOS or Traffic Class byte; 0 when the socket does not tell. */
  trafficClass: number;
}

/** The two header fields, each with its header and padding. */
const CONTROL_SLOT = 64;
const CACHE_LINE = 64;

/** Receives many datagrams with one call (recvmmsg), each into a slot of its own. */
export class ReceiveBatch {
  /** All slots; datagrams lie in here. */
  readonly memory: NativeMemory;
  readonly slots: number;
  readonly #libc: Libc;
  readonly #stride: number;
  readonly #headroom: number;
  readonly #headers: NativeMemory;
  /** The message headers as 32-bit words. */
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #namesAt: number;
  readonly #controlsAt: number;

  /**
   * @param slotBytes the largest datagram that fits.
   * @param headroom bytes that stay free in front of each datagram, `tailroom` behind it.
   */
  constructor(libc: Libc, slots: number, slotBytes: number, headroom = 0, tailroom = 0) {
    this.#libc = libc;
    this.slots = slots;
    this.#headroom = headroom;
    // An odd number of cache lines, so that the slots do not all fall on the same few of the processor's cache.
    const lines = Math.ceil((headroom + slotBytes + tailroom) / CACHE_LINE);
    this.#stride = (lines + 1 - (lines % 2)) * CACHE_LINE;
    this.memory = libc.memory(slots * this.#stride);
    const iovecsAt = slots * MMSGHDR_LENGTH;
    this.#namesAt = iovecsAt + slots * IOVEC_LENGTH;
    this.#controlsAt = this.#namesAt + slots * SOCKADDR_SLOT;
    this.#headers = libc.memory(this.#controlsAt + slots * CONTROL_SLOT);
    this.#view = viewOf(this.#headers);
    this.#words = new Int32Array(this.#headers.bytes.buffer, this.#headers.bytes.byteOffset, iovecsAt / 4);
    for (let slot = 0; slot < slots; slot++) {
      const header = slot * MMSGHDR_LENGTH;
      const iovec = iovecsAt + slot * IOVEC_LENGTH;
      const { address } = this.#headers;
      writePointer(this.#view, header + Mmsghdr.name, address + this.#namesAt + slot * SOCKADDR_SLOT);
      writePointer(this.#view, header + Mmsghdr.iov, address + iovec);
      this.#view.setUint32(header + Mmsghdr.iovCount, 1, true);
      writePointer(this.#view, header + Mmsghdr.control, address + this.#controlsAt + slot * CONTROL_SLOT);
      writePointer(this.#view, iovec, this.memory.address + slot * this.#stride + headroom);
      this.#view.setUint32(iovec + 8, slotBytes, true);
      this.#renew(slot);
    }
  }

  /**
   * Receives what is there, without waiting, into at most `count` slots from `first` on.
   *
   * @returns how many datagrams; 0 when there are none; -errno of another error.
   */
  receive(descriptor: number, first: number, count: number): number {
    const headers = this.#headers.address + first * MMSGHDR_LENGTH;
    return this.#libc.recvmmsg(descriptor, headers, count, MSG_DONTWAIT, 0);
  }

  /** Describes the datagram in a slot, and makes the slot ready for the next one; false when the datagram did not fit. */
  take(slot: number, into: ReceivedDatagram): boolean {
    const word = slot * (MMSGHDR_LENGTH / 4);
    const words = this.#words;
    into.start = slot * this.#stride + this.#headroom;
    into.end = into.start + words[word + Mmsghdr.length / 4]!;
    into.ttl = -1;
    into.trafficClass = 0;
    const controlLength = words[word + Mmsghdr.controlLength / 4]!;
    if (controlLength > 0) this.#readHeaderFields(slot, controlLength, into);
    const whole = (words[word + Mmsghdr.flags / 4]! & MSG_TRUNC) === 0;
    const known = readSockaddrInto(this.#view, this.#namesAt + slot * SOCKADDR_SLOT, into.source);
    this.#renew(slot);
    return whole && known;
  }

  #readHeaderFields(slot: number, length: number, into: ReceivedDatagram): void {
    const view = this.#view;
    const end = this.#controlsAt + slot * CONTROL_SLOT + length;
    let at = end - length;
    while (at + Cmsghdr.data < end) {
      const level = view.getInt32(at + Cmsghdr.level, true);
      const type = view.getInt32(at + Cmsghdr.type, true);
      const data = at + Cmsghdr.data;
      if (level === SOL_IP) {
        // The TOS comes as a single byte.
        if (type === IP_TTL) into.ttl = view.getInt32(data, true);
        else if (type === IP_TOS) into.trafficClass = view.getUint8(data);
      } else if (level === SOL_IPV6) {
        if (type === IPV6_HOPLIMIT) into.ttl = view.getInt32(data, true);
        else if (type === IPV6_TCLASS) into.trafficClass = view.getInt32(data, true) & 0xff;
      }
      at += (view.getUint32(at + Cmsghdr.length, true) + 7) & ~7;
    }
  }

  /** The kernel has overwritten these with what it used of them. */
  #renew(slot: number): void {
    const word = slot * (MMSGHDR_LENGTH / 4);
    this.#words[word + Mmsghdr.nameLength / 4] = SOCKADDR_SLOT;
    this.#words[word + Mmsghdr.controlLength / 4] = CONTROL_SLOT;
  }
}
