import type { BandwidthEstimator } from './estimator/bandwidth-estimator.ts';
import { Pacer } from './pacer.ts';
import { PacketLedger } from './packet-ledger.ts';
import { LARGEST_PACKET } from './probe-packet.ts';
import { LONGEST_PAUSE_MS, type ProbePath } from './probe-path.ts';

export interface BandwidthPhaseOptions {
  /** When to end, whether the queues are empty or not. */
  readonly endAtMs: number;
  readonly isAborted: () => boolean;
  /** Called at every wake-up. */
  readonly onTick: (nowMs: number) => void;
}

/** What an estimator is asked and told. */
export type ProbingEstimator = Pick<BandwidthEstimator, 'plan' | 'sent' | 'received'>;

/** Silence after which nothing more is expected, in milliseconds; at the least. */
const QUIET_MS = 250;
/** What may be on its way, in packets: half a second of a gigabit. */
const WINDOW = 65_536;

/** Sends what an estimator wants sent, and tells it what arrives, until it knows; then waits until the queues are empty. */
export class BandwidthPhase {
  /** The longest that a packet has taken, in milliseconds; `undefined` when none has arrived. */
  longestMs: number | undefined;
  /** When the last one has arrived; `undefined` when none has. */
  lastArrivedMs: number | undefined;
  readonly #path: ProbePath;
  readonly #estimator: ProbingEstimator;
  readonly #options: BandwidthPhaseOptions;
  readonly #ledger: PacketLedger;
  readonly #pacer: Pacer;
  /** What the packet before took. */
  #lastTookMs: number | undefined;
  /** When something was last sent or arrived. */
  #lastEventMs: number;

  constructor(path: ProbePath, estimator: ProbingEstimator, options: BandwidthPhaseOptions) {
    const nowMs = path.clock.now();
    this.#path = path;
    this.#estimator = estimator;
    this.#options = options;
    this.#ledger = new PacketLedger(path.next, WINDOW);
    this.#pacer = new Pacer(nowMs);
    this.#lastEventMs = nowMs;
  }

  async run(): Promise<void> {
    const { clock } = this.#path;
    this.#path.onArrival = (sequence, nowMs, heldUp) => this.#arrived(sequence, nowMs, heldUp);
    while (!this.#isOver()) {
      const plan = this.#estimator.plan(clock.now());
      if (plan.kind === 'done') break;
      if (plan.kind === 'probe') await this.#sendCluster(plan.cluster, plan.packets, plan.bitsPerSecond);
      else {
        this.#sendDue(plan.bitsPerSecond, Number.POSITIVE_INFINITY);
        await this.#rest();
      }
    }
    await this.#drain();
  }

  async #sendCluster(cluster: number, packets: number, bitsPerSecond: number): Promise<void> {
    let left = packets;
    while (left > 0 && !this.#isOver()) {
      left -= this.#sendDue(bitsPerSecond, left, cluster);
      if (left > 0) await this.#rest();
    }
  }

  /** Sends what is due now, and no more than so many packets. */
  #sendDue(bitsPerSecond: number, most: number, cluster?: number): number {
    // What becomes due in this loop waits for the next wake-up: arrivals have to be read in between.
    const nowMs = this.#path.clock.now();
    let count = 0;
    while (count < most && this.#pacer.isDue(nowMs)) {
      const sentAtMs = this.#path.clock.now();
      this.#ledger.sent(sentAtMs);
      this.#estimator.sent({ sequence: this.#path.next, sentAtMs, bytes: LARGEST_PACKET, cluster });
      this.#path.send(LARGEST_PACKET);
      this.#pacer.sent(nowMs, LARGEST_PACKET, bitsPerSecond);
      this.#lastEventMs = sentAtMs;
      count++;
    }
    return count;
  }

  #arrived(sequence: number, nowMs: number, heldUp: boolean): void {
    const tookMs = this.#ledger.arrived(sequence, nowMs);
    if (tookMs === undefined) return;
    this.#lastEventMs = nowMs;
    this.lastArrivedMs = nowMs;
    // When a packet came while this program was held up nobody knows. As long as the one before is the best guess: the time for which
    // it lay about is no queue of the path.
    const likelyMs = heldUp ? Math.min(tookMs, this.#lastTookMs ?? tookMs) : tookMs;
    this.#lastTookMs = likelyMs;
    this.longestMs = Math.max(this.longestMs ?? 0, likelyMs);
    this.#estimator.received(sequence, nowMs - tookMs + likelyMs);
  }

  async #rest(): Promise<void> {
    const { clock } = this.#path;
    this.#options.onTick(clock.now());
    await this.#path.pause(this.#pacer.wait(clock.now()));
  }

  /** Waits until all that was sent has arrived or will not come any more. */
  async #drain(): Promise<void> {
    const { clock } = this.#path;
    const isDrained = () => {
      const nowMs = clock.now();
      const quietMs = Math.max(QUIET_MS, 1.5 * (this.longestMs ?? 0));
      return this.#ledger.isComplete || nowMs - this.#lastEventMs > quietMs || nowMs >= this.#options.endAtMs;
    };
    while (!isDrained() && !this.#options.isAborted()) await this.#path.pause(LONGEST_PAUSE_MS);
  }

  #isOver(): boolean {
    return this.#options.isAborted() || this.#path.clock.now() >= this.#options.endAtMs;
  }
}
