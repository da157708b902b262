import { type Instant, instant } from './time.ts';

/** A rate and how much may come at once. `Infinity` switches a limit off. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A rate limit: `perSecond` tokens flow in, at most `burst` are kept. */
export class TokenBucket {
  /** One for all who have no limit: it remembers nothing. */
  static readonly unlimited = new TokenBucket(
    { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY },
    instant(0),
  );

  readonly #perMillisecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: Instant;

  /** A full bucket, or {@link unlimited}. */
  static of(rate: Rate, now: Instant): TokenBucket {
    return rate.burst === Number.POSITIVE_INFINITY ? TokenBucket.unlimited : new TokenBucket(rate, now);
  }

  constructor(rate: Rate, now: Instant) {
    this.#perMillisecond = rate.perSecond / 1000;
    this.#burst = rate.burst;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** Takes `amount` tokens if they are there. More than the bucket can hold is taken from a full one, which then owes. */
  take(amount: number, now: Instant): boolean {
    if (this.#burst === Number.POSITIVE_INFINITY) return true;
    this.#fill(now);
    if (this.#tokens < Math.min(amount, this.#burst)) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Takes `amount` tokens in any case and says how many milliseconds the bucket now needs until it owes none. */
  charge(amount: number, now: Instant): number {
    if (this.#burst === Number.POSITIVE_INFINITY) return 0;
    this.#fill(now);
    this.#tokens -= amount;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMillisecond;
  }

  #fill(now: Instant): void {
    const elapsed = now - this.#filledAt;
    if (elapsed <= 0) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsed * this.#perMillisecond);
    this.#filledAt = now;
  }
}

/** How much traffic one allocation, one user or the whole server may relay; both directions count together. */
export interface TrafficRates {
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Whether there is any limit among these rates. */
export function isLimited({ packetsPerSecond, bytesPerSecond }: TrafficRates): boolean {
  return packetsPerSecond !== Number.POSITIVE_INFINITY || bytesPerSecond !== Number.POSITIVE_INFINITY;
}

/** The packet and byte limits of one allocation. What is over is dropped, never refused. */
export class TrafficAllowance {
  /** One for all who have no limit. */
  static readonly unlimited = new TrafficAllowance(
    { packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond: Number.POSITIVE_INFINITY },
    instant(0),
  );

  readonly #packets: TokenBucket;
  readonly #bytes: TokenBucket;

  /** An allowance of which nothing is used, or {@link unlimited}. */
  static of(rates: TrafficRates, now: Instant): TrafficAllowance {
    return isLimited(rates) ? new TrafficAllowance(rates, now) : TrafficAllowance.unlimited;
  }

  constructor({ packetsPerSecond, bytesPerSecond }: TrafficRates, now: Instant) {
    this.#packets = TokenBucket.of({ perSecond: packetsPerSecond, burst: packetsPerSecond }, now);
    this.#bytes = TokenBucket.of({ perSecond: bytesPerSecond, burst: bytesPerSecond }, now);
  }

  /** Counts one packet of this many payload bytes; false when it is over the limit. */
  admit(bytes: number, now: Instant): boolean {
    return this.#packets.take(1, now) && this.#bytes.take(bytes, now);
  }

  /** Counts bytes of a stream, which cannot be dropped; how many milliseconds to wait before more of them. */
  charge(bytes: number, now: Instant): number {
    return this.#bytes.charge(bytes, now);
  }
}
