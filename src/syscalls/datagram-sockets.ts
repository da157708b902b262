import { networkInterfaces } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { Libc, NativeMemory } from './libc.ts';
import { readSockaddr, writeSockaddr } from './sockaddr.ts';
import {
  AF_INET,
  AF_INET6,
  IP_RECVERR,
  IPV6_RECVERR,
  MEMINFO_DROPS,
  MEMINFO_LENGTH,
  MEMINFO_RECEIVE_BUFFER,
  MEMINFO_RECEIVE_QUEUED,
  SO_ERROR,
  SO_MEMINFO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_SLOT,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from './structures.ts';

const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const IP_MTU_DISCOVER = 10;
const IP_RECVTTL = 12;
const IP_RECVTOS = 13;
const IPV6_MTU_DISCOVER = 23;
const IPV6_V6ONLY = 26;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_RECVTCLASS = 66;
const PMTUDISC_DONT = 0;
const PMTUDISC_DO = 2;
const PMTUDISC_OMIT = 5;

export interface DatagramSocketOptions {
  /** Several sockets share the address; the kernel keeps each client with one of them. */
  readonly shared?: boolean;
  /** Tell the TTL and the traffic class of what arrives. */
  readonly headerFields?: boolean;
  /** Keep the ICMP errors that packets cause, for {@link IcmpErrors}. */
  readonly icmpErrors?: boolean;
  readonly receiveBufferBytes?: number;
  readonly sendBufferBytes?: number;
  /** The interface of a link-local address. */
  readonly zone?: string | undefined;
}

/** A call that failed: the system's number, name and words for it. */
export class SystemCallError extends Error {
  readonly code: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    const [name, words] = getSystemErrorMap().get(-errno) ?? [`error ${errno}`, 'unknown error'];
    super(`${call} ${name}: ${words}`);
    this.errno = errno;
    this.code = name;
  }
}

/** The name of a system's error number, such as `EADDRINUSE`. */
export function systemErrorName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `error ${errno}`;
}

/** Opens, adjusts and closes UDP sockets, which are plain descriptors here. Failed calls answer with {@link SystemCallError}. */
export class DatagramSockets {
  readonly #libc: Libc;
  readonly #scratch: NativeMemory;
  readonly #view: DataView;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#scratch = libc.memory(4096);
    this.#view = viewOf(this.#scratch);
  }

  /** Opens a socket bound to `local`; port 0 takes a free one. */
  open(local: TransportAddress, options: DatagramSocketOptions = {}): number | SystemCallError {
    const ipv6 = local.ip.family === AddressFamily.ipv6;
    const descriptor = this.#libc.socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return this.#error('socket');
    if (ipv6) this.#set(descriptor, SOL_IPV6, IPV6_V6ONLY, 1);
    if (options.shared) this.#set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.headerFields) {
      this.#set(descriptor, level(ipv6), ipv6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
      this.#set(descriptor, level(ipv6), ipv6 ? IPV6_RECVTCLASS : IP_RECVTOS, 1);
    }
    if (options.icmpErrors) this.#set(descriptor, level(ipv6), ipv6 ? IPV6_RECVERR : IP_RECVERR, 1);
    const { receiveBufferBytes, sendBufferBytes } = options;
    if (receiveBufferBytes) this.#setBuffer(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, receiveBufferBytes);
    if (sendBufferBytes) this.#setBuffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, sendBufferBytes);
    this.setDontFragment(descriptor, local.ip.family, false);
    const length = writeSockaddr(this.#view, 0, local.ip, local.port, zoneIndex(local.ip, options.zone));
    if (this.#libc.bind(descriptor, this.#scratch.address, length) < 0) {
      const error = this.#error('bind');
      this.#libc.close(descriptor);
      return error;
    }
    return descriptor;
  }

  /** From now on packets come from, and errors are told about, this peer alone. */
  connect(descriptor: number, to: TransportAddress): SystemCallError | undefined {
    const length = writeSockaddr(this.#view, 0, to.ip, to.port, 0);
    return this.#libc.connect(descriptor, this.#scratch.address, length) < 0 ? this.#error('connect') : undefined;
  }

  /** The address and port that a socket is bound to. */
  localAddress(descriptor: number): TransportAddress | SystemCallError {
    this.#view.setUint32(SOCKADDR_SLOT, SOCKADDR_SLOT, true);
    const { address } = this.#scratch;
    if (this.#libc.getsockname(descriptor, address, address + SOCKADDR_SLOT) < 0) return this.#error('getsockname');
    return readSockaddr(this.#view, 0);
  }

  /** Whether packets are sent with the Don't Fragment bit; those too large for the path then fail with EMSGSIZE. */
  setDontFragment(descriptor: number, family: AddressFamily, dontFragment: boolean): void {
    const ipv6 = family === AddressFamily.ipv6;
    const option = ipv6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER;
    // Over IPv4 routers fragment what has no such bit, so no path's MTU need be known, and none is learned from ICMP messages,
    // which anybody can forge. Only so are errors about packets with the bit told that arrive when it is off again.
    const off = ipv6 ? PMTUDISC_DONT : PMTUDISC_OMIT;
    this.#set(descriptor, level(ipv6), option, dontFragment ? PMTUDISC_DO : off);
  }

  /** Takes the error that the kernel keeps for the next call on this socket; 0 when there is none. */
  takeError(descriptor: number): number {
    return this.#get(descriptor, SO_ERROR, 4) ? this.#view.getInt32(0, true) : 0;
  }

  /** How many packets the kernel has dropped because nobody read them in time. */
  overflows(descriptor: number): number {
    return this.#meminfo(descriptor, MEMINFO_DROPS);
  }

  /** How much of its receive buffer is in use: 0 to 1, and a little more when it is full. */
  fullness(descriptor: number): number {
    return this.#meminfo(descriptor, MEMINFO_RECEIVE_QUEUED) / this.#meminfo(descriptor, MEMINFO_RECEIVE_BUFFER);
  }

  close(descriptor: number): void {
    this.#libc.close(descriptor);
  }

  /** The size is a wish: net.core.rmem_max and wmem_max limit it for those who do not administer the network. */
  #setBuffer(descriptor: number, forced: number, option: number, bytes: number): void {
    if (!this.#set(descriptor, SOL_SOCKET, forced, bytes)) this.#set(descriptor, SOL_SOCKET, option, bytes);
  }

  #set(descriptor: number, level: number, option: number, value: number): boolean {
    this.#view.setInt32(0, value, true);
    return this.#libc.setsockopt(descriptor, level, option, this.#scratch.address, 4) >= 0;
  }

  #meminfo(descriptor: number, field: number): number {
    return this.#get(descriptor, SO_MEMINFO, MEMINFO_LENGTH * 4) ? this.#view.getUint32(field * 4, true) : 0;
  }

  #get(descriptor: number, option: number, length: number): boolean {
    const lengthAt = 256;
    this.#view.setUint32(lengthAt, length, true);
    const { address } = this.#scratch;
    return this.#libc.getsockopt(descriptor, SOL_SOCKET, option, address, address + lengthAt) >= 0;
  }

  #error(call: string): SystemCallError {
    return new SystemCallError(call, this.#libc.errno());
  }
}

export function viewOf({ bytes }: NativeMemory): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function level(ipv6: boolean): number {
  return ipv6 ? SOL_IPV6 : SOL_IP;
}

/** The number of the interface that a link-local address belongs to; 0 when it needs none. */
function zoneIndex(ip: IpAddress, zone: string | undefined): number {
  if (zone === undefined) return 0;
  const known = networkInterfaces()[zone]?.find(({ address }) => address.split('%')[0] === ip.text);
  return known?.family === 'IPv6' ? known.scopeid : Number(zone) || 0;
}
