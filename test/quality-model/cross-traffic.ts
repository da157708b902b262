import type { Bottleneck } from './bottleneck.ts';

/** A flow of somebody else through the same bottleneck. */
export interface CrossTraffic {
  /** Sends what is due by now. */
  advance(nowMs: number, bottleneck: Bottleneck): void;
}

const PACKET_BYTES = 1200;

/** A flow that always sends at one rate. */
export class ConstantFlow implements CrossTraffic {
  readonly #intervalMs: number;
  #nextAtMs: number;

  constructor(bitsPerSecond: number, startMs = 0) {
    this.#intervalMs = (PACKET_BYTES * 8000) / bitsPerSecond;
    this.#nextAtMs = startMs;
  }

  advance(nowMs: number, bottleneck: Bottleneck): void {
    for (; this.#nextAtMs <= nowMs; this.#nextAtMs += this.#intervalMs) {
      bottleneck.enqueue(this.#nextAtMs, PACKET_BYTES);
    }
  }
}

/** A flow that fills the queue until packets are lost, and then halves its window, as TCP Reno does. */
export class WindowFlow implements CrossTraffic {
  readonly #roundTripMs: number;
  #window = 10;
  #threshold = Number.POSITIVE_INFINITY;
  #reducedAtMs = Number.NEGATIVE_INFINITY;
  /** When each packet on its way will be acknowledged, or be seen to be lost. */
  #inFlight: { readonly atMs: number; readonly lost: boolean }[] = [];
  /** Bytes that came through. */
  deliveredBytes = 0;

  constructor(roundTripMs: number) {
    this.#roundTripMs = roundTripMs;
  }

  advance(nowMs: number, bottleneck: Bottleneck): void {
    const due = this.#inFlight.filter(({ atMs }) => atMs <= nowMs);
    this.#inFlight = this.#inFlight.filter(({ atMs }) => atMs > nowMs);
    for (const { atMs, lost } of due) this.#settle(atMs, lost);
    while (this.#inFlight.length < Math.floor(this.#window)) {
      const leavesAtMs = bottleneck.enqueue(nowMs, PACKET_BYTES);
      // A loss shows by the packets after it, which have waited in the same queue.
      const atMs = (leavesAtMs ?? nowMs) + this.#roundTripMs;
      this.#inFlight.push({ atMs, lost: leavesAtMs === undefined });
    }
  }

  #settle(atMs: number, lost: boolean): void {
    if (!lost) {
      this.deliveredBytes += PACKET_BYTES;
      this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
    } else if (atMs - this.#reducedAtMs > this.#roundTripMs) {
      this.#reducedAtMs = atMs;
      this.#window = Math.max(2, this.#window / 2);
      this.#threshold = this.#window;
    }
  }
}
