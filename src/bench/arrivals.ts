import { LatencyHistogram } from './latency-histogram.ts';

/** How far back, in packets of one lane, a duplicate is told from a packet that is merely late. */
const WINDOW = 1024;
const WORDS = WINDOW / 32;

/** What arrived of one run. */
export interface ArrivalsReport {
  /** Each packet once. */
  readonly delivered: number;
  readonly duplicates: number;
  /** Packets that the receiver's own socket had no room for: they are lost, but not on their way. */
  readonly overflows: number;
  readonly latency: LatencySummary | undefined;
}

/** Microseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
}

/** Counts the packets of one run as they arrive: each once, duplicates apart, and how long they took. */
export class Arrivals {
  delivered = 0;
  duplicates = 0;
  readonly latency = new LatencyHistogram();
  readonly #lanes: number;
  readonly #highest: Float64Array;
  /** For each lane a ring of bits: which of the last {@link WINDOW} sequence numbers have come. */
  readonly #seen: Int32Array;

  constructor(lanes: number) {
    this.#lanes = lanes;
    this.#highest = new Float64Array(lanes).fill(-1);
    this.#seen = new Int32Array(lanes * WORDS);
  }

  add(lane: number, sequence: number, latencyMicroseconds: number): void {
    if (lane >= this.#lanes) return;
    if (this.#isDuplicate(lane, sequence)) {
      this.duplicates++;
      return;
    }
    this.delivered++;
    this.latency.add(latencyMicroseconds);
  }

  report(overflows: number): ArrivalsReport {
    const { delivered, duplicates, latency } = this;
    const p50 = latency.quantile(0.5);
    const p99 = latency.quantile(0.99);
    return {
      delivered,
      duplicates,
      overflows,
      latency: p50 === undefined || p99 === undefined ? undefined : { p50, p99 },
    };
  }

  #isDuplicate(lane: number, sequence: number): boolean {
    const highest = this.#highest[lane]!;
    if (sequence > highest) {
      // What was skipped has not come yet.
      const skipped = Math.max(highest + 1, sequence - WINDOW + 1);
      for (let missing = skipped; missing < sequence; missing++) this.#mark(lane, missing, false);
      this.#highest[lane] = sequence;
      this.#mark(lane, sequence, true);
      return false;
    }
    if (sequence <= highest - WINDOW) return false;
    const word = lane * WORDS + ((sequence % WINDOW) >>> 5);
    if ((this.#seen[word]! >>> (sequence & 31)) & 1) return true;
    this.#mark(lane, sequence, true);
    return false;
  }

  #mark(lane: number, sequence: number, seen: boolean): void {
    const word = lane * WORDS + ((sequence % WINDOW) >>> 5);
    const bit = 1 << (sequence & 31);
    if (seen) this.#seen[word]! |= bit;
    else this.#seen[word]! &= ~bit;
  }
}
