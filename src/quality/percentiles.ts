import type { Percentiles } from './report.ts';

/** Above so many the samples are thinned out. */
const MOST_SAMPLES = 131_072;

/**
 * Samples of one quantity in bounded memory: all of them up to a number; then every second one, then every fourth, and so on. The
 * least and the greatest are always exact.
 */
export class Samples {
  readonly #most: number;
  #values: number[] = [];
  #stride = 1;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(most = MOST_SAMPLES) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  /** `-Infinity` when there is no sample. */
  get max(): number {
    return this.#max;
  }

  add(value: number): void {
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    if (this.#count++ % this.#stride !== 0) return;
    this.#values.push(value);
    if (this.#values.length < this.#most) return;
    this.#values = this.#values.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }

  /** By nearest rank: each is a value that occurred. `undefined` without samples. */
  percentiles(): Percentiles | undefined {
    if (this.#count === 0) return undefined;
    const sorted = Float64Array.from(this.#values).sort();
    const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
    return { min: this.#min, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: this.#max };
  }
}
