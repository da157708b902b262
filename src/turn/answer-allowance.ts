import type { AddressWords } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { Instant } from './time.ts';
import type { Rate } from './token-bucket.ts';

/** How many answers a source may draw before it has shown that it is who it says. */
export interface AnswerRates {
  /** For one IPv4 address or one IPv6 /64. */
  readonly perAddress: Rate;
  /** For one IPv4 /24 or one IPv6 /56. */
  readonly perNetwork: Rate;
}

const WAYS = 4;

/**
 * Limits the answers to unauthenticated requests by their source, so that the server is no use as a reflector.
 * The memory is fixed: a table of token buckets in which a new source takes the place of the one that used least.
 */
export class AnswerAllowance {
  readonly #addresses: BucketTable;
  readonly #networks: BucketTable;

  constructor(rates: AnswerRates, seed: number) {
    this.#addresses = new BucketTable(rates.perAddress, seed, 16_384);
    this.#networks = new BucketTable(rates.perNetwork, ~seed, 4_096);
  }

  /** Counts one answer to this source; false when it has had its share. */
  admit(source: AddressWords, now: Instant): boolean {
    const { w0, w1 } = source;
    if (source.family === AddressFamily.ipv4) {
      return this.#addresses.take(w0, 0, now) && this.#networks.take(w0 & ~0xff, 0, now);
    }
    return this.#addresses.take(w0, w1, now) && this.#networks.take(w0, w1 & ~0xff, now);
  }
}

/** Token buckets in sets of four; the key decides the set, a tag which of the four is whose. */
class BucketTable {
  readonly #perMillisecond: number;
  readonly #burst: number;
  readonly #seed: number;
  readonly #setMask: number;
  readonly #tags: Int32Array;
  readonly #tokens: Float32Array;
  readonly #filledAt: Float64Array;

  constructor(rate: Rate, seed: number, buckets: number) {
    this.#perMillisecond = rate.perSecond / 1000;
    this.#burst = rate.burst;
    this.#seed = seed | 0;
    this.#setMask = buckets / WAYS - 1;
    this.#tags = new Int32Array(buckets);
    this.#tokens = new Float32Array(buckets).fill(rate.burst);
    this.#filledAt = new Float64Array(buckets);
  }

  take(high: number, low: number, now: Instant): boolean {
    if (this.#perMillisecond === Number.POSITIVE_INFINITY || this.#burst === Number.POSITIVE_INFINITY) return true;
    const bucket = this.#claim(high, low, now);
    const tokens = this.#filled(bucket, now);
    this.#filledAt[bucket] = now;
    this.#tokens[bucket] = tokens < 1 ? tokens : tokens - 1;
    return tokens >= 1;
  }

  #claim(high: number, low: number, now: Instant): number {
    const hash = scramble(scramble(this.#seed ^ high) ^ low);
    const tag = scramble(hash ^ this.#seed);
    const first = (hash & this.#setMask) * WAYS;
    let fullest = first;
    for (let bucket = first; bucket < first + WAYS; bucket++) {
      if (this.#tags[bucket] === tag) return bucket;
      if (this.#filled(bucket, now) > this.#filled(fullest, now)) fullest = bucket;
    }
    this.#tags[fullest] = tag;
    this.#tokens[fullest] = this.#burst;
    this.#filledAt[fullest] = now;
    return fullest;
  }

  #filled(bucket: number, now: Instant): number {
    const elapsed = Math.max(0, now - this.#filledAt[bucket]!);
    return Math.min(this.#burst, this.#tokens[bucket]! + elapsed * this.#perMillisecond);
  }
}

function scramble(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
