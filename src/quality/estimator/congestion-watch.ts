import { OveruseDetector } from './overuse-detector.ts';
import { PacketGroups } from './packet-groups.ts';
import { QueueDelay } from './queue-delay.ts';
import { Trendline } from './trendline.ts';

/** A queue is over below this, there from `QUEUE_MS` on, and congestion without any trend from `LONG_QUEUE_MS` on. */
const EMPTY_MS = 5;
const QUEUE_MS = 10;
const LONG_QUEUE_MS = 80;
/** It has to last this long by the arrivals, so that a receiver or relay that was held up for a moment is not a queue. */
const LASTING_MS = 50;
/** For so long an overuse counts. */
const OVERUSE_COUNTS_MS = 250;
/** When the oldest packet on its way is this much over its time the path is stuck, whatever has arrived. */
const OVERDUE_MS = 150;

/** Watches the one-way delay: whether a queue is there because of what we send, since when, and when it is gone. */
export class CongestionWatch {
  readonly #groups = new PacketGroups();
  readonly #trendline = new Trendline();
  readonly #detector = new OveruseDetector();
  readonly #queue = new QueueDelay();
  #arrivedAtMs = Number.NEGATIVE_INFINITY;
  #emptyAtMs: number | undefined;
  #shortAtMs: number | undefined;
  #notLongAtMs: number | undefined;
  #overuseAtMs = Number.NEGATIVE_INFINITY;
  #overdueMs = 0;

  /** The one-way delay of the empty path. */
  get usualDelayMs(): number {
    return this.#queue.usualMs;
  }

  /** How long packets wait, by those that have arrived and by those that should have. */
  get queueMs(): number {
    return Math.max(this.#queue.queueMs, this.#isStuck ? this.#overdueMs : 0);
  }

  get isEmpty(): boolean {
    return this.#queue.queueMs < EMPTY_MS && !this.#isStuck;
  }

  /** Since when the path has been full, in receiving time; `undefined` while it is not. */
  get congestedSinceMs(): number | undefined {
    if (this.#isStuck) return this.#emptyAtMs ?? this.#arrivedAtMs;
    const { queueMs } = this.#queue;
    const lasts = queueMs >= QUEUE_MS && this.#arrivedAtMs - (this.#shortAtMs ?? this.#arrivedAtMs) >= LASTING_MS;
    const grows = this.#arrivedAtMs - this.#overuseAtMs < OVERUSE_COUNTS_MS;
    const isLong =
      queueMs >= LONG_QUEUE_MS && this.#arrivedAtMs - (this.#notLongAtMs ?? this.#arrivedAtMs) >= LASTING_MS;
    return (lasts && grows) || isLong ? (this.#emptyAtMs ?? this.#arrivedAtMs) : undefined;
  }

  /** Tells of an arrival. */
  received(sentAtMs: number, receivedAtMs: number): void {
    this.#arrivedAtMs = Math.max(this.#arrivedAtMs, receivedAtMs);
    this.#queue.add(sentAtMs, receivedAtMs);
    const { queueMs } = this.#queue;
    if (queueMs < EMPTY_MS) this.#emptyAtMs = this.#arrivedAtMs;
    if (queueMs < QUEUE_MS) this.#shortAtMs = this.#arrivedAtMs;
    if (queueMs < LONG_QUEUE_MS) this.#notLongAtMs = this.#arrivedAtMs;
    const delta = this.#groups.add(sentAtMs, receivedAtMs);
    if (delta === undefined) return;
    const trend = this.#trendline.add(delta);
    if (trend === undefined) return;
    if (this.#detector.detect(trend, delta.sendDeltaMs, delta.atMs) === 'overusing')
      this.#overuseAtMs = this.#arrivedAtMs;
  }

  /** Tells how old the oldest packet on its way is. */
  waiting(oldestAgeMs: number): void {
    this.#overdueMs = oldestAgeMs - this.usualDelayMs;
  }

  /** Takes the delay of this moment for that of the empty path. */
  rebase(): void {
    this.#queue.rebase();
    this.#emptyAtMs = this.#arrivedAtMs;
    this.#shortAtMs = this.#arrivedAtMs;
    this.#notLongAtMs = this.#arrivedAtMs;
  }

  get #isStuck(): boolean {
    return this.#overdueMs >= OVERDUE_MS;
  }
}
