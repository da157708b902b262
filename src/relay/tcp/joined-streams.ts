import type { Duplex } from 'node:stream';

/** Takes note of bytes that were read and says for how many milliseconds no more should be, because a rate is used up. */
export type Meter = (bytes: number) => number;

/**
 * Carries every byte that arrives at `from` over to `to`, and its end. It reads no faster than `to` takes the bytes and the
 * meter lets them pass, so that whoever sends too fast is slowed down by its own TCP.
 */
export class OneWay {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #meter: Meter;
  #full = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Duplex, to: Duplex, meter: Meter) {
    this.#from = from;
    this.#to = to;
    this.#meter = meter;
    from.on('data', (bytes: Buffer) => this.carry(bytes));
    from.on('end', () => to.end());
    from.on('close', () => clearTimeout(this.#timer));
    to.on('drain', () => {
      this.#full = false;
      this.#readOn();
    });
  }

  carry(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#full = !this.#to.write(bytes);
    const pause = this.#meter(bytes.length);
    if (pause > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#readOn();
      }, pause);
    }
    if (this.#full || pause > 0) this.#from.pause();
  }

  #readOn(): void {
    if (!this.#full && this.#timer === undefined) this.#from.resume();
  }
}
