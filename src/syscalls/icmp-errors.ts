import type { MutableTransportAddress } from '../stun/attributes/address.ts';
import { viewOf } from './datagram-sockets.ts';
import type { Libc, NativeMemory } from './libc.ts';
import { writePointer } from './pointers.ts';
import { readSockaddrInto } from './sockaddr.ts';
import {
  Cmsghdr,
  ExtendedError,
  IP_RECVERR,
  IPV6_RECVERR,
  MMSGHDR_LENGTH,
  Mmsghdr,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SOCKADDR_SLOT,
  SOL_IP,
  SOL_IPV6,
} from './structures.ts';

/** What an ICMP message told about a datagram that was sent. Refilled for each. */
export interface IcmpReport {
  /** Where the datagram was to go. */
  readonly peer: MutableTransportAddress;
  type: number;
  code: number;
  /** For "too big" the MTU of the next hop; else 0. */
  data: number;
}

const CONTROL_LENGTH = 256;
/** Of the datagram that failed only its address matters. */
const PAYLOAD_LENGTH = 64;

// Where things stand in the one stretch of memory.
const IOVEC_AT = MMSGHDR_LENGTH;
const NAME_AT = IOVEC_AT + 16;
const PAYLOAD_AT = NAME_AT + SOCKADDR_SLOT;
const CONTROL_AT = PAYLOAD_AT + PAYLOAD_LENGTH;

/** Reads the ICMP errors that the kernel keeps for a socket (IP_RECVERR). */
export class IcmpErrors {
  readonly #libc: Libc;
  readonly #memory: NativeMemory;
  readonly #view: DataView;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#memory = libc.memory(CONTROL_AT + CONTROL_LENGTH);
    this.#view = viewOf(this.#memory);
  }

  /** Takes the next error; false when there is none left. An error that no ICMP message told has the type -1. */
  take(descriptor: number, into: IcmpReport): boolean {
    const view = this.#view;
    const { address } = this.#memory;
    writePointer(view, Mmsghdr.name, address + NAME_AT);
    view.setUint32(Mmsghdr.nameLength, SOCKADDR_SLOT, true);
    writePointer(view, Mmsghdr.iov, address + IOVEC_AT);
    view.setUint32(Mmsghdr.iovCount, 1, true);
    writePointer(view, Mmsghdr.control, address + CONTROL_AT);
    view.setUint32(Mmsghdr.controlLength, CONTROL_LENGTH, true);
    writePointer(view, IOVEC_AT, address + PAYLOAD_AT);
    view.setUint32(IOVEC_AT + 8, PAYLOAD_LENGTH, true);
    if (this.#libc.recvmsg(descriptor, address, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return false;
    into.type = -1;
    const end = CONTROL_AT + view.getUint32(Mmsghdr.controlLength, true);
    for (let at = CONTROL_AT; at + Cmsghdr.data < end; at += (view.getUint32(at, true) + 7) & ~7) {
      const level = view.getInt32(at + Cmsghdr.level, true);
      const type = view.getInt32(at + Cmsghdr.type, true);
      if ((level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)) {
        this.#read(at + Cmsghdr.data, into);
      }
    }
    return true;
  }

  #read(at: number, into: IcmpReport): void {
    const view = this.#view;
    const origin = view.getUint8(at + ExtendedError.origin);
    if (origin !== SO_EE_ORIGIN_ICMP && origin !== SO_EE_ORIGIN_ICMP6) return;
    if (!readSockaddrInto(view, NAME_AT, into.peer)) return;
    into.type = view.getUint8(at + ExtendedError.type);
    into.code = view.getUint8(at + ExtendedError.code);
    into.data = view.getUint32(at + ExtendedError.info, true);
  }
}
