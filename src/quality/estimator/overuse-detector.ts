import type { DelayTrend } from './trendline.ts';

export type Usage = 'normal' | 'overusing' | 'underusing';

/** libwebrtc's `kDefaultTrendlineThresholdGain`, and the number of groups at which confidence in the slope is full. */
const GAIN = 4;
const FULL_CONFIDENCE_GROUPS = 60;
/** The threshold and how it adapts: draft-ietf-rmcat-gcc-02 §5.4, with the numbers of libwebrtc. */
const FIRST_THRESHOLD = 12.5;
const LOWEST_THRESHOLD = 6;
const HIGHEST_THRESHOLD = 600;
const ADAPT_UP = 0.0087;
const ADAPT_DOWN = 0.039;
/** A trend further above the threshold than this is a sudden change of the path, to which the threshold does not adapt. */
const SUDDEN = 15;
const LONGEST_ADAPTATION_MS = 100;
/** The trend has to be above the threshold for longer than this. */
const OVERUSE_MS = 10;

/**
 * Says by the delay trend whether a queue is building up (draft-ietf-rmcat-gcc-02 §5.4). The threshold follows the unrest of the
 * path, slowly up and fast down, so that jitter is not taken for congestion and a flow beside ours does not starve us.
 */
export class OveruseDetector {
  #threshold = FIRST_THRESHOLD;
  #aboveMs: number | undefined;
  #aboveCount = 0;
  #previousSlope = 0;
  #updatedAtMs: number | undefined;
  #usage: Usage = 'normal';

  /** What the trend is compared with; 6 to 600. */
  get threshold(): number {
    return this.#threshold;
  }

  /** Tells of a new trend; `sendDeltaMs` is the sending time between the last two groups. */
  detect({ slope, groups }: DelayTrend, sendDeltaMs: number, atMs: number): Usage {
    const trend = Math.min(groups, FULL_CONFIDENCE_GROUPS) * slope * GAIN;
    if (trend > this.#threshold) this.#above(slope, sendDeltaMs);
    else {
      this.#aboveMs = undefined;
      this.#aboveCount = 0;
      this.#usage = trend < -this.#threshold ? 'underusing' : 'normal';
    }
    this.#previousSlope = slope;
    this.#adapt(Math.abs(trend), atMs);
    return this.#usage;
  }

  #above(slope: number, sendDeltaMs: number): void {
    // Where in the time since the last group the line was crossed is not known: half of it.
    this.#aboveMs = this.#aboveMs === undefined ? sendDeltaMs / 2 : this.#aboveMs + sendDeltaMs;
    this.#aboveCount++;
    if (this.#aboveMs <= OVERUSE_MS || this.#aboveCount <= 1 || slope < this.#previousSlope) return;
    this.#aboveMs = 0;
    this.#aboveCount = 0;
    this.#usage = 'overusing';
  }

  #adapt(magnitude: number, atMs: number): void {
    const elapsedMs = Math.min(Math.max(0, atMs - (this.#updatedAtMs ?? atMs)), LONGEST_ADAPTATION_MS);
    this.#updatedAtMs = atMs;
    if (magnitude > this.#threshold + SUDDEN) return;
    const speed = magnitude < this.#threshold ? ADAPT_DOWN : ADAPT_UP;
    const adapted = this.#threshold + speed * (magnitude - this.#threshold) * elapsedMs;
    this.#threshold = Math.min(Math.max(adapted, LOWEST_THRESHOLD), HIGHEST_THRESHOLD);
  }
}
