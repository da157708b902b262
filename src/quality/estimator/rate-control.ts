/** How fast the rate grows at first after congestion: 8 % a second (draft-ietf-rmcat-gcc-02 §5.5, `eta`). */
const GROWTH_PER_SECOND = Math.log(1.08);
/** Where the estimate is known the rate starts this much above it: a queue has to build up to be seen. */
const FIRST_STEP = 1.05;
/** The growth itself doubles in this time, so that a path that has become faster is found out within two seconds. */
const GROWTH_DOUBLES_MS = 250;
/** Where nothing but a cluster speaks for a rate it begins with this part of it, and grows by e^2.3 (tenfold) a second. */
const FIRST_PART = 0.5;
const FIRST_GROWTH_PER_SECOND = 2.3;
/** After overuse: this part of the received rate (draft-ietf-rmcat-gcc-02 §5.5, `beta`). */
const DECREASE = 0.85;
/** A long queue is drained faster than a short one, at no less than this part of the received rate, so as to be empty in time. */
const LEAST_DECREASE = 0.3;
const DRAIN_WITHIN_MS = 500;
/** Below this nothing would be learnt any more. */
const LOWEST_BITS_PER_SECOND = 50_000;

type Growth = 'first' | 'from-estimate' | 'none';

/**
 * The rate to send at: additive-increase and multiplicative-decrease control in the manner of draft-ietf-rmcat-gcc-02 §5.5. A call has
 * minutes to grow by 8 % a second; a measurement has seconds, so here the growth speeds up until the path is full.
 */
export class RateControl {
  readonly #maxBitsPerSecond: number;
  #base = LOWEST_BITS_PER_SECOND;
  #sinceMs = 0;
  #growth: Growth = 'none';

  constructor(maxBitsPerSecond: number) {
    this.#maxBitsPerSecond = maxBitsPerSecond;
  }

  /** Bits a second to send now. */
  rate(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#sinceMs);
    return this.#limited(this.#base * Math.exp(growth(this.#growth, elapsedMs)));
  }

  /** Begins with what the probe clusters found. */
  begin(nowMs: number, found: number): void {
    this.#set(nowMs, FIRST_PART * found, 'first');
  }

  /** Goes up from what the path is known to carry. */
  grow(nowMs: number, estimate: number): void {
    this.#set(nowMs, FIRST_STEP * estimate, 'from-estimate');
  }

  /** Goes below what is received, so that a queue of this length becomes empty. */
  drain(nowMs: number, received: number, queueMs: number): void {
    const factor = Math.min(DECREASE, Math.max(LEAST_DECREASE, 1 - queueMs / DRAIN_WITHIN_MS));
    this.#set(nowMs, factor * received, 'none');
  }

  /** Stays at a rate. */
  hold(nowMs: number, bitsPerSecond: number): void {
    this.#set(nowMs, bitsPerSecond, 'none');
  }

  #set(nowMs: number, base: number, kind: Growth): void {
    this.#base = this.#limited(base);
    this.#sinceMs = nowMs;
    this.#growth = kind;
  }

  #limited(bitsPerSecond: number): number {
    return Math.min(this.#maxBitsPerSecond, Math.max(LOWEST_BITS_PER_SECOND, bitsPerSecond));
  }
}

/** The logarithm of the factor by which the rate has grown. */
function growth(kind: Growth, elapsedMs: number): number {
  if (kind === 'none') return 0;
  if (kind === 'first') return (FIRST_GROWTH_PER_SECOND * elapsedMs) / 1000;
  // The integral of a growth that doubles every GROWTH_DOUBLES_MS.
  const doublings = elapsedMs / GROWTH_DOUBLES_MS;
  return ((GROWTH_PER_SECOND * GROWTH_DOUBLES_MS) / 1000 / Math.LN2) * (2 ** doublings - 1);
}
