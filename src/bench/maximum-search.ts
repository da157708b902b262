/** A rate that seems too high gets more chances: a hiccup of a busy machine must not decide. */
const CHANCES = 3;
const GROWTH = 1.5;
/** The search ends when the answer is known to within this. */
const PRECISION = 1.05;
const LOWEST = 10;

/** Finds the highest rate that passes: up in steps until one fails, then halving what is in between. */
export class MaximumSearch {
  /** The highest rate that has passed; 0 when none has. */
  best = 0;
  #rate: number;
  #tooHigh = Number.POSITIVE_INFINITY;
  #failures = 0;

  constructor(firstRate: number) {
    this.#rate = firstRate;
  }

  /** The rate to try next; `undefined` when the search is over. */
  get next(): number | undefined {
    return this.#rate < LOWEST || this.#tooHigh <= this.best * PRECISION ? undefined : Math.round(this.#rate);
  }

  /** Says whether {@link next} passed. */
  tell(passed: boolean): void {
    if (passed) this.best = this.#rate;
    else if (++this.#failures < CHANCES) return;
    else this.#tooHigh = this.#rate;
    this.#failures = 0;
    if (this.best === 0) this.#rate /= 2 * GROWTH;
    else if (this.#tooHigh === Number.POSITIVE_INFINITY) this.#rate *= GROWTH;
    else this.#rate = Math.sqrt(this.best * this.#tooHigh);
  }
}
