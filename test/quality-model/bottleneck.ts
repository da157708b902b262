/** Where packets wait, or are dropped, in a simulated path. */
export interface Bottleneck {
  /** When a packet that comes now leaves; `undefined` when it is dropped. Packets come in the order of their times. */
  enqueue(atMs: number, bytes: number): number | undefined;
}

/** Bits a second, or what they are at a time. */
export type Rate = number | ((atMs: number) => number);

export interface QueueOptions {
  readonly rate: Rate;
  /** Longer than this no packet waits: it is dropped. */
  readonly longestWaitMs: number;
  /** How many bytes pass unhindered after a pause, as with `tc tbf`. */
  readonly burstBytes?: number;
}

/** A queue in front of a link or a token bucket. */
export class QueuedLink implements Bottleneck {
  readonly #options: QueueOptions;
  #freeAtMs = 0;
  #tokens: number;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#tokens = options.burstBytes ?? 0;
  }

  enqueue(atMs: number, bytes: number): number | undefined {
    const { burstBytes = 0, longestWaitMs } = this.#options;
    const startMs = Math.max(atMs, this.#freeAtMs);
    const bytesPerMs = rateAt(this.#options.rate, startMs) / 8000;
    const tokens = Math.min(burstBytes, this.#tokens + (startMs - this.#freeAtMs) * bytesPerMs);
    const waitMs = Math.max(0, (bytes - tokens) / bytesPerMs);
    if (startMs + waitMs - atMs > longestWaitMs + bytes / bytesPerMs) return undefined;
    this.#freeAtMs = startMs + waitMs;
    this.#tokens = tokens + waitMs * bytesPerMs - bytes;
    return this.#freeAtMs;
  }
}

/** Drops what is beyond its rate, and never lets anything wait. */
export class Policer implements Bottleneck {
  readonly #rate: Rate;
  readonly #burstBytes: number;
  #tokens: number;
  #atMs = 0;

  constructor(rate: Rate, burstBytes: number) {
    this.#rate = rate;
    this.#burstBytes = burstBytes;
    this.#tokens = burstBytes;
  }

  enqueue(atMs: number, bytes: number): number | undefined {
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + ((atMs - this.#atMs) * rateAt(this.#rate, atMs)) / 8000);
    this.#atMs = atMs;
    if (this.#tokens < bytes) return undefined;
    this.#tokens -= bytes;
    return atMs;
  }
}

function rateAt(rate: Rate, atMs: number): number {
  return typeof rate === 'number' ? rate : rate(atMs);
}
