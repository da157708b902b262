import type { PacketCounts } from './report.ts';

/** How far back, in packets, a late one is still told from one that never came: ten seconds of the fastest stream, and more. */
const WINDOW = 8192;

/** A time in which nothing of what was sent arrived. */
export interface Silence {
  /** When the first of the packets was sent that are missing. */
  readonly fromMs: number;
  /** When the next was sent that arrived; of the last silence, when the last packet was sent. */
  readonly toMs: number;
  readonly packets: number;
}

/** Of packets that are missing one after the other. */
export interface Silences {
  /** The one of most packets among those that ended. */
  readonly longest: Silence | undefined;
  /** The one that did not. */
  readonly last: Silence | undefined;
}

/**
 * Keeps account of a stream of packets with rising sequence numbers: which were lost, came twice or out of order. Its memory does
 * not grow; a packet that comes later than a window of others was sent counts as lost.
 */
export class PacketLedger {
  readonly #window: number;
  readonly #sentAt: Float64Array;
  readonly #arrived: Uint8Array;
  readonly #first: number;
  #next: number;
  /** All before this one are settled. */
  #oldest: number;
  #highest: number;
  #received = 0;
  #lost = 0;
  #reordered = 0;
  #duplicated = 0;
  #burst = 0;
  #longestBurst = 0;
  #burstFromMs = 0;
  #longestSilence: Silence | undefined;
  #lastSentMs = 0;

  /**
   * @param first the sequence number that the stream starts with.
   * @param window how far back, in packets, a late one still counts.
   */
  constructor(first = 0, window = WINDOW) {
    this.#window = window;
    this.#sentAt = new Float64Array(window);
    this.#arrived = new Uint8Array(window);
    this.#first = first;
    this.#next = first;
    this.#oldest = first;
    this.#highest = first - 1;
  }

  /** The next packet is sent. */
  sent(nowMs: number): void {
    if (this.#next - this.#oldest === this.#window) this.#settleOldest();
    const slot = this.#next++ % this.#window;
    this.#sentAt[slot] = nowMs;
    this.#arrived[slot] = 0;
  }

  /**
   * A packet arrives.
   *
   * @returns how long it took, in milliseconds; `undefined` when it is not of this stream, a duplicate or too late to count.
   */
  arrived(sequence: number, nowMs: number): number | undefined {
    if (sequence < this.#oldest || sequence >= this.#next) return undefined;
    const slot = sequence % this.#window;
    if (this.#arrived[slot] === 1) {
      this.#duplicated++;
      return undefined;
    }
    this.#arrived[slot] = 1;
    this.#received++;
    if (sequence < this.#highest) this.#reordered++;
    else this.#highest = sequence;
    return nowMs - this.#sentAt[slot]!;
  }

  /** Whether all that were sent have arrived, or are lost for good. */
  get isComplete(): boolean {
    return this.#received + this.#lost === this.#next - this.#first;
  }

  get received(): number {
    return this.#received;
  }

  /** The share of packets lost among those that were sent until then, without those still on their way. */
  lossFraction(sentUntilMs: number): number | undefined {
    let waiting = 0;
    let late = 0;
    for (let sequence = this.#oldest; sequence < this.#next; sequence++) {
      const slot = sequence % this.#window;
      if (this.#arrived[slot] === 1) continue;
      if (this.#sentAt[slot]! > sentUntilMs) waiting++;
      else late++;
    }
    const decided = this.#next - this.#first - waiting;
    return decided === 0 ? undefined : (this.#lost + late) / decided;
  }

  /**
   * Closes the account: what has not arrived is lost.
   *
   * @param sentUntilMs packets that were sent later and have not arrived are left out, as they may still be on their way.
   */
  close(sentUntilMs = Number.POSITIVE_INFINITY): PacketCounts {
    let unknown = 0;
    while (this.#oldest < this.#next) {
      const slot = this.#oldest % this.#window;
      if (this.#arrived[slot] === 0 && this.#sentAt[slot]! > sentUntilMs) {
        unknown++;
        this.#oldest++;
      } else this.#settleOldest();
    }
    const sent = this.#next - this.#first - unknown;
    return {
      sent,
      received: this.#received,
      lost: this.#lost,
      lossFraction: this.#received === 0 ? 1 : this.#lost / sent,
      reordered: this.#reordered,
      duplicated: this.#duplicated,
      longestBurst: this.#longestBurst,
    };
  }

  /** When nothing arrived; complete once the account is closed. */
  get silences(): Silences {
    return { longest: this.#longestSilence, last: this.#silence };
  }

  /** The one that has not ended. */
  get #silence(): Silence | undefined {
    if (this.#burst === 0) return undefined;
    return { fromMs: this.#burstFromMs, toMs: this.#lastSentMs, packets: this.#burst };
  }

  #settleOldest(): void {
    const slot = this.#oldest++ % this.#window;
    this.#lastSentMs = this.#sentAt[slot]!;
    if (this.#arrived[slot] === 1) {
      if (this.#burst > (this.#longestSilence?.packets ?? 0)) this.#longestSilence = this.#silence;
      this.#burst = 0;
      return;
    }
    if (this.#burst === 0) this.#burstFromMs = this.#lastSentMs;
    this.#lost++;
    this.#longestBurst = Math.max(this.#longestBurst, ++this.#burst);
  }
}
