/** What has arrived, and when: the received rate of any stretch of the measurement. */
export class ArrivalLog {
  readonly #times: number[] = [];
  /** `#bytes[i]` came with and before the arrival at `#times[i]`. */
  readonly #bytes: number[] = [];

  get lastAtMs(): number | undefined {
    return this.#times.at(-1);
  }

  get totalBytes(): number {
    return this.#bytes.at(-1) ?? 0;
  }

  /** Arrivals are told in the order of their times; one that is earlier than the last counts as coming with it. */
  add(receivedAtMs: number, bytes: number): void {
    this.#times.push(Math.max(receivedAtMs, this.lastAtMs ?? receivedAtMs));
    this.#bytes.push(this.totalBytes + bytes);
  }

  /** How many packets came after `fromMs`, up to and with `toMs`. */
  packets(fromMs: number, toMs: number): number {
    return Math.max(0, this.#countUntil(toMs) - this.#countUntil(fromMs));
  }

  /** How many bytes came after `fromMs`, up to and with `toMs`. */
  bytes(fromMs: number, toMs: number): number {
    return Math.max(0, this.#bytesUntil(toMs) - this.#bytesUntil(fromMs));
  }

  /** The time of the last arrival up to and with `atMs`. */
  lastBefore(atMs: number): number | undefined {
    const count = this.#countUntil(atMs);
    return count === 0 ? undefined : this.#times[count - 1];
  }

  #bytesUntil(atMs: number): number {
    const count = this.#countUntil(atMs);
    return count === 0 ? 0 : this.#bytes[count - 1]!;
  }

  #countUntil(atMs: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[middle]! <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
