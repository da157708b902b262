/** Below this many microseconds each has a bucket of its own; above, each power of two has half as many as this. */
const LINEAR = 128;
const HALF = LINEAR / 2;
const LARGEST = 2 ** 30;

/** Counts latencies in buckets that are within 1.6 % of what they hold, in memory that does not grow. */
export class LatencyHistogram {
  #total = 0;
  readonly #buckets = new Float64Array(bucketOf(LARGEST) + 1);

  get total(): number {
    return this.#total;
  }

  /** @param microseconds negative ones count as 0. */
  add(microseconds: number): void {
    const bucket = bucketOf(Math.min(LARGEST, Math.max(0, Math.round(microseconds))));
    this.#buckets[bucket]!++;
    this.#total++;
  }

  /** The latency, in microseconds, that the share `quantile` (0 to 1) does not exceed; `undefined` when there is none. */
  quantile(quantile: number): number | undefined {
    if (this.#total === 0) return undefined;
    let left = Math.max(1, Math.ceil(quantile * this.#total));
    const bucket = this.#buckets.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return middleOf(bucket);
  }
}

function bucketOf(value: number): number {
  if (value < LINEAR) return value;
  const shift = 25 - Math.clz32(value);
  return shift * HALF + (value >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const shift = Math.floor(bucket / HALF) - 1;
  const lowest = (bucket - shift * HALF) * 2 ** shift;
  return lowest + (2 ** shift - 1) / 2;
}
