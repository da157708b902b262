import { SystemCallError, viewOf } from './datagram-sockets.ts';
import type { Libc, NativeMemory } from './libc.ts';
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_EVENT_LENGTH,
  EPOLLERR,
  EPOLLIN,
  EpollEvent,
} from './structures.ts';

const EVENTS_AT_ONCE = 256;

/** Waits until one of many sockets has something to read (epoll). */
export class Poller {
  /** The descriptor of the poller itself, which becomes readable when one of its sockets does. */
  readonly descriptor: number;
  readonly #libc: Libc;
  readonly #events: NativeMemory;
  readonly #view: DataView;

  private constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.descriptor = descriptor;
    this.#events = libc.memory((EVENTS_AT_ONCE + 1) * EPOLL_EVENT_LENGTH);
    this.#view = viewOf(this.#events);
  }

  static open(libc: Libc): Poller | SystemCallError {
    const descriptor = libc.epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? new SystemCallError('epoll_create1', libc.errno()) : new Poller(libc, descriptor);
  }

  add(descriptor: number): SystemCallError | undefined {
    const event = EVENTS_AT_ONCE * EPOLL_EVENT_LENGTH;
    this.#view.setUint32(event + EpollEvent.events, EPOLLIN, true);
    this.#view.setInt32(event + EpollEvent.data, descriptor, true);
    const address = this.#events.address + event;
    if (this.#libc.epoll_ctl(this.descriptor, EPOLL_CTL_ADD, descriptor, address) >= 0) return undefined;
    return new SystemCallError('epoll_ctl', this.#libc.errno());
  }

  remove(descriptor: number): void {
    this.#libc.epoll_ctl(this.descriptor, EPOLL_CTL_DEL, descriptor, 0);
  }

  /**
   * Waits for at most `milliseconds`, which blocks the thread; 0 only looks.
   *
   * @returns how many sockets are ready.
   */
  wait(milliseconds: number): number {
    return Math.max(0, this.#libc.epoll_wait(this.descriptor, this.#events.address, EVENTS_AT_ONCE, milliseconds));
  }

  /** Which socket the event is about. */
  descriptorAt(event: number): number {
    return this.#view.getInt32(event * EPOLL_EVENT_LENGTH + EpollEvent.data, true);
  }

  /** Whether the socket has errors to tell, apart from datagrams to read. */
  hasErrorAt(event: number): boolean {
    return (this.#view.getUint32(event * EPOLL_EVENT_LENGTH + EpollEvent.events, true) & EPOLLERR) !== 0;
  }

  close(): void {
    this.#libc.close(this.descriptor);
  }
}

/** Wakes a thread that waits at a poller (eventfd). Any thread of the process may ring it by its descriptor. */
export class Bell {
  readonly descriptor: number;
  readonly #libc: Libc;
  readonly #count: NativeMemory;

  /** @param descriptor of a bell that another thread has opened. */
  constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.descriptor = descriptor;
    this.#count = libc.memory(8);
  }

  static open(libc: Libc): Bell | SystemCallError {
    const descriptor = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? new SystemCallError('eventfd', libc.errno()) : new Bell(libc, descriptor);
  }

  ring(): void {
    this.#count.bytes.writeBigUInt64LE(1n);
    this.#libc.write(this.descriptor, this.#count.address, 8);
  }

  /** Makes it silent again. */
  hush(): void {
    this.#libc.read(this.descriptor, this.#count.address, 8);
  }

  close(): void {
    this.#libc.close(this.descriptor);
  }
}
