import type { Clock } from '../../src/client/clock.ts';
import type { RelayEnd } from '../../src/quality/probe-path.ts';
import { address } from '../client/scripted-socket.ts';

export interface VirtualRelayOptions {
  /** To the relay and back, without any queue. */
  readonly delayMs: number;
  /** What fits through; everything when left out. */
  readonly bitsPerSecond?: number;
  /** How long packets queue up before they are dropped. */
  readonly queueMs?: number;
  /** Whether a packet, counted from 0, is lost. */
  readonly isLost?: (number: number, nowMs: number) => boolean;
  /** How long it takes in addition. */
  readonly extraMs?: (number: number) => number;
  /** Whether it arrives twice. */
  readonly isDoubled?: (number: number) => boolean;
}

/** The way from one allocation to the other, in virtual time. */
export class VirtualRelay {
  readonly near: RelayEnd;
  readonly far: RelayEnd;
  /** What was sent: when, and how many bytes. */
  readonly sent: { readonly atMs: number; readonly bytes: number }[] = [];
  /** Whether each packet was lost. */
  readonly fates: boolean[] = [];
  readonly #clock: Clock;
  readonly #options: VirtualRelayOptions;
  #freeAtMs = 0;

  constructor(clock: Clock, options: VirtualRelayOptions) {
    this.#clock = clock;
    this.#options = options;
    this.near = {
      relayedAddress: address('203.0.113.1', 50000),
      onData: () => {},
      send: (_peer, bytes) => this.#carry(Buffer.from(bytes)),
    };
    this.far = { relayedAddress: address('203.0.113.1', 50002), onData: () => {}, send: () => {} };
  }

  /** Lets something else arrive at the far end, as from a stranger. */
  deliver(bytes: Buffer): void {
    this.far.onData(address('198.51.100.7', 4000), bytes);
  }

  #carry(bytes: Buffer): void {
    const { delayMs, bitsPerSecond, queueMs = 300, isLost, extraMs, isDoubled } = this.#options;
    const nowMs = this.#clock.now();
    const number = this.sent.length;
    this.sent.push({ atMs: nowMs, bytes: bytes.length });
    const startMs = Math.max(nowMs, this.#freeAtMs);
    const lost = startMs - nowMs > queueMs || isLost?.(number, nowMs) === true;
    this.fates.push(lost);
    if (lost) return;
    this.#freeAtMs = startMs + (bitsPerSecond === undefined ? 0 : (bytes.length * 8000) / bitsPerSecond);
    const arrivesInMs = this.#freeAtMs - nowMs + delayMs + (extraMs?.(number) ?? 0);
    for (let copies = isDoubled?.(number) ? 2 : 1; copies > 0; copies--) {
      this.#clock.schedule(arrivesInMs, () => this.far.onData(this.near.relayedAddress, bytes));
    }
  }
}
