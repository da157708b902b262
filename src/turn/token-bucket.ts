import type { Instant } from './time.ts';

/** A rate and how much may come at once. `Infinity` switches a limit off. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A rate limit: `perSecond` tokens flow in, at most `burst` are kept. */
export class TokenBucket {
  readonly #perMillisecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: Instant;

  constructor(rate: Rate, now: Instant) {
    this.#perMillisecond = rate.perSecond / 1000;
    this.#burst = rate.burst;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** Takes `amount` tokens if they are there. More than the bucket can hold is taken from a full one, which then owes. */
  take(amount: number, now: Instant): boolean {
    if (this.#burst === Number.POSITIVE_INFINITY) return true;
    const elapsed = now - this.#filledAt;
    if (elapsed > 0) {
      this.#tokens = Math.min(this.#burst, this.#tokens + elapsed * this.#perMillisecond);
      this.#filledAt = now;
    }
    if (this.#tokens < Math.min(amount, this.#burst)) return false;
    this.#tokens -= amount;
    return true;
  }
}

/** How much traffic one allocation, one user or the whole server may relay; both directions count together. */
export interface TrafficRates {
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** The packet and byte limits of one allocation, user or server. What is over is dropped, never refused. */
export class TrafficAllowance {
  readonly #packets: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(rates: TrafficRates, now: Instant) {
    this.#packets = new TokenBucket({ perSecond: rates.packetsPerSecond, burst: rates.packetsPerSecond }, now);
    this.#bytes = new TokenBucket({ perSecond: rates.bytesPerSecond, burst: rates.bytesPerSecond }, now);
  }

  /** Counts one packet of this many payload bytes; false when it is over the limit. */
  admit(bytes: number, now: Instant): boolean {
    return this.#packets.take(1, now) && this.#bytes.take(bytes, now);
  }
}
