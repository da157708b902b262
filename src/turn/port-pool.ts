/** Unpredictable numbers, handed to the pure core. */
export interface RandomSource {
  /** A uniformly random integer in [0, limit). */
  below(limit: number): number;
  /** Random bytes. */
  bytes(length: number): Buffer;
}

export interface PortRange {
  /** The lowest port, inclusive. */
  readonly low: number;
  /** The highest port, inclusive. */
  readonly high: number;
}

/**
 * The relay ports of one address that nobody holds, handed out in random order so that they cannot be guessed.
 * Taking and giving back cost the same however full the pool is.
 */
export class PortPool {
  readonly #range: PortRange;
  readonly #random: RandomSource;
  /** Free ports first, taken ones behind; a port's place is kept so that it can be found. */
  readonly #ports: Uint16Array;
  readonly #places: Uint16Array;
  #free: number;

  constructor(range: PortRange, random: RandomSource) {
    this.#range = range;
    this.#random = random;
    this.#free = range.high - range.low + 1;
    this.#ports = Uint16Array.from({ length: this.#free }, (_, i) => range.low + i);
    this.#places = Uint16Array.from({ length: this.#free }, (_, i) => i);
  }

  /** How many ports are free. */
  get free(): number {
    return this.#free;
  }

  get size(): number {
    return this.#ports.length;
  }

  /** Takes a random free port. */
  take(): number | undefined {
    if (this.#free === 0) return undefined;
    const port = this.#ports[this.#random.below(this.#free)]!;
    this.#claim(port);
    return port;
  }

  /** Takes a random even port; with `pair`, one whose next higher port is free too, and takes both (RFC 8656 §7.2). */
  takeEven(pair: boolean): number | undefined {
    if (this.#free === 0) return undefined;
    const start = this.#random.below(this.#free);
    for (let i = 0; i < this.#free; i++) {
      const port = this.#ports[(start + i) % this.#free]!;
      if (port % 2 !== 0 || (pair && !this.isFree(port + 1))) continue;
      this.#claim(port);
      if (pair) this.#claim(port + 1);
      return port;
    }
    return undefined;
  }

  isFree(port: number): boolean {
    return port >= this.#range.low && port <= this.#range.high && this.#places[port - this.#range.low]! < this.#free;
  }

  /** Gives a taken port back. */
  release(port: number): void {
    if (this.isFree(port)) throw new Error(`port ${port} was given back twice`);
    this.#swap(this.#places[port - this.#range.low]!, this.#free);
    this.#free++;
  }

  #claim(port: number): void {
    this.#free--;
    this.#swap(this.#places[port - this.#range.low]!, this.#free);
  }

  #swap(a: number, b: number): void {
    const portA = this.#ports[a]!;
    const portB = this.#ports[b]!;
    this.#ports[a] = portB;
    this.#ports[b] = portA;
    this.#places[portA - this.#range.low] = b;
    this.#places[portB - this.#range.low] = a;
  }
}
