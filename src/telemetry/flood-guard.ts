import type { Instant } from '../turn/time.ts';
import { type Rate, TokenBucket } from '../turn/token-bucket.ts';

const usualLines: Rate = { perSecond: 5, burst: 20 };

/** Keeps whoever sends many bad packets from filling the disk: lets some lines through and counts the others. */
export class FloodGuard {
  readonly #bucket: TokenBucket;
  #suppressed = 0;

  constructor(now: Instant, lines: Rate = usualLines) {
    this.#bucket = new TokenBucket(lines, now);
  }

  /**
   * How many lines were left out before this one; `undefined` when this one is to be left out as well.
   *
   * @param omitted lines that somebody else has left out before this one.
   */
  admit(now: Instant, omitted = 0): number | undefined {
    this.#suppressed += omitted;
    if (!this.#bucket.take(1, now)) {
      this.#suppressed++;
      return undefined;
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
