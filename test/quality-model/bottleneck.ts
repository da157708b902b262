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

export interface GateOptions {
  /** Bits a second on average. */
  readonly rate: number;
  /** How often a new allowance is given: that of one period at the rate. What is left of the last is lost. */
  readonly periodMs: number;
  /** How long a packet waits at most for an allowance before it is dropped; 0 when left out: whatever is beyond is dropped at once. */
  readonly longestWaitMs?: number;
  /** When the periods begin, for the first time. */
  readonly phaseMs?: number;
}

/** Lets through at any speed what is allowed in a period, and then nothing until the next, as coturn does with `max-bps`. */
export class Gate implements Bottleneck {
  readonly #options: GateOptions;
  /** The period whose allowance is being used, and how much of it was. */
  #period = 0;
  #usedBytes = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  enqueue(atMs: number, bytes: number): number | undefined {
    const { rate, periodMs, longestWaitMs = 0, phaseMs = 0 } = this.#options;
    const current = Math.max(this.#period, Math.floor((atMs - phaseMs) / periodMs));
    const used = current > this.#period ? 0 : this.#usedBytes;
    const isBeyond = used + bytes > (rate * periodMs) / 8000;
    const period = isBeyond ? current + 1 : current;
    const leavesAtMs = Math.max(atMs, period * periodMs + phaseMs);
    if (leavesAtMs - atMs > longestWaitMs) return undefined;
    this.#period = period;
    this.#usedBytes = isBeyond ? bytes : used + bytes;
    return leavesAtMs;
  }
}

function rateAt(rate: Rate, atMs: number): number {
  return typeof rate === 'number' ? rate : rate(atMs);
}
