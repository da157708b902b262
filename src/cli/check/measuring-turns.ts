/**
 * Lets checks that run side by side measure one after the other, and only once all the others wait or have ended: none disturbs the
 * measurement of another.
 */
export class MeasuringTurns {
  #stillClimbing: number;
  /** By the place in the order. */
  readonly #waiting = new Map<number, () => void>();
  #measuring = false;

  constructor(checks: number) {
    this.#stillClimbing = checks;
  }

  /** Waits for this check's turn, measures, and lets the next one. */
  async take(place: number, measure: () => Promise<void>): Promise<void> {
    this.#stillClimbing--;
    const turn = new Promise<void>((resolve) => this.#waiting.set(place, resolve));
    this.#next();
    await turn;
    try {
      await measure();
    } finally {
      this.#measuring = false;
      this.#next();
    }
  }

  /** Says that a check has ended without measuring. */
  pass(): void {
    this.#stillClimbing--;
    this.#next();
  }

  #next(): void {
    if (this.#stillClimbing > 0 || this.#measuring || this.#waiting.size === 0) return;
    const place = Math.min(...this.#waiting.keys());
    const start = this.#waiting.get(place)!;
    this.#waiting.delete(place);
    this.#measuring = true;
    start();
  }
}
