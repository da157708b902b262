import type { AddressFamily } from '../../stun/protocol.ts';
import type { RandomSource } from '../random.ts';

export interface PortRange {
  /** The lowest port, inclusive. */
  readonly low: number;
  /** The highest port, inclusive. */
  readonly high: number;
}

/** The number of ports in a range. */
export function portCount({ low, high }: PortRange): number {
  return high - low + 1;
}

/** Both families, each with 65,536 ports. */
export const PORT_SLOTS = 2 * 65_536;
/** In a slot that is taken: a UDP socket is open at the port. */
const OPEN_UDP = 0x80;
/** In a slot: who has the port, as the server's index + 1; 0 when nobody has it. */
const OWNER = 0x7f;
/** How many servers a slot can tell apart. */
export const MAX_SERVERS = OWNER;

/**
 * Which server has which relay port. A port is claimed by one compare-and-exchange of its slot, so it has one owner or none
 * at any moment, whatever the other threads do and wherever they end.
 */
export class PortTable {
  readonly #range: PortRange;
  /** This server in a slot. */
  readonly #self: number;
  readonly #slots: Uint8Array;
  /** The file descriptor of the relay socket + 1; 0 when there is none or the plane has not told. */
  readonly #descriptors: Int32Array;

  constructor(range: PortRange, server: number, slots: Uint8Array, descriptors: Int32Array) {
    this.#range = range;
    this.#self = server + 1;
    this.#slots = slots;
    this.#descriptors = descriptors;
  }

  /** Takes a random free port; `undefined` only when there is none. */
  take(family: AddressFamily, random: RandomSource): number | undefined {
    const { low } = this.#range;
    const found = search(portCount(this.#range), random, (i) => this.#claim(family, low + i));
    return found === undefined ? undefined : low + found;
  }

  /** Takes a random even port; with `pair`, one whose next higher port is free too, and takes both (RFC 8656 §7.2). */
  takeEven(family: AddressFamily, pair: boolean, random: RandomSource): number | undefined {
    const low = this.#range.low + (this.#range.low % 2);
    const high = this.#range.high - (pair ? 1 : 0);
    const found = search(Math.floor((high - low) / 2) + 1, random, (i) => {
      const port = low + 2 * i;
      if (!this.#claim(family, port)) return false;
      if (!pair || this.#claim(family, port + 1)) return true;
      this.release(family, port);
      return false;
    });
    return found === undefined ? undefined : low + 2 * found;
  }

  /** Gives back a port that this server has. */
  release(family: AddressFamily, port: number): void {
    if (!this.isOwnedBy(family, port, this.#self - 1)) {
      throw new Error(`port ${port} was given back twice, or is another server's`);
    }
    this.#free(slotOf(family, port));
  }

  /** Takes a port over from the server that kept it for a reservation; false when it has it no more. */
  takeOver(family: AddressFamily, port: number, from: number): boolean {
    return Atomics.compareExchange(this.#slots, slotOf(family, port), from + 1, this.#self) === from + 1;
  }

  /** A UDP relay socket is open at a port that this server has. */
  opened(family: AddressFamily, port: number): void {
    Atomics.store(this.#slots, slotOf(family, port), this.#self | OPEN_UDP);
  }

  /** The socket stays open, but it is not at the relay address any more: no other server is to send there. */
  hidden(family: AddressFamily, port: number): void {
    Atomics.store(this.#slots, slotOf(family, port), this.#self);
  }

  /** No socket is open there any more; the port stays taken. */
  closed(family: AddressFamily, port: number): void {
    const slot = slotOf(family, port);
    Atomics.store(this.#descriptors, slot, 0);
    Atomics.store(this.#slots, slot, this.#self);
  }

  /** Whether some server has an open UDP relay socket at this port. */
  isLiveUdpRelay(family: AddressFamily, port: number): boolean {
    return (Atomics.load(this.#slots, slotOf(family, port)) & OPEN_UDP) !== 0;
  }

  isOwnedBy(family: AddressFamily, port: number, server: number): boolean {
    return (Atomics.load(this.#slots, slotOf(family, port)) & OWNER) === server + 1;
  }

  /** How many ports of a family nobody has. */
  free(family: AddressFamily): number {
    let free = 0;
    for (let port = this.#range.low; port <= this.#range.high; port++) {
      if (Atomics.load(this.#slots, slotOf(family, port)) === 0) free++;
    }
    return free;
  }

  /** Writes down the file descriptor of an open relay socket, so that it can be closed if this thread dies. */
  setDescriptor(family: AddressFamily, port: number, descriptor: number): void {
    Atomics.store(this.#descriptors, slotOf(family, port), descriptor + 1);
  }

  /** Frees every port of a server that has died; `close` is called with each descriptor that it had written down. */
  forget(server: number, close: (descriptor: number) => void): void {
    for (let slot = 0; slot < PORT_SLOTS; slot++) {
      if ((Atomics.load(this.#slots, slot) & OWNER) !== server + 1) continue;
      const descriptor = Atomics.load(this.#descriptors, slot) - 1;
      if (descriptor >= 0) close(descriptor);
      this.#free(slot);
    }
  }

  #claim(family: AddressFamily, port: number): boolean {
    return Atomics.compareExchange(this.#slots, slotOf(family, port), 0, this.#self) === 0;
  }

  #free(slot: number): void {
    Atomics.store(this.#descriptors, slot, 0);
    Atomics.store(this.#slots, slot, 0);
  }
}

function slotOf(family: AddressFamily, port: number): number {
  return ((family - 1) << 16) | port;
}

/**
 * Tries the numbers below `count`, each once, until one fits. A random start and a random step without a divisor in common
 * with `count` make an order that cannot be foreseen, and cost no more than one round when nearly all is taken.
 */
function search(count: number, random: RandomSource, fits: (i: number) => boolean): number | undefined {
  if (count <= 0) return undefined;
  const first = random.below(count);
  if (fits(first)) return first;
  const step = randomStep(count, random);
  for (let i = (first + step) % count; i !== first; i = (i + step) % count) if (fits(i)) return i;
  return undefined;
}

function randomStep(count: number, random: RandomSource): number {
  for (;;) {
    const step = 1 + random.below(count);
    if (greatestCommonDivisor(step, count) === 1) return step;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
