/** What has to be undone at the end, whichever end it is; the last thing first. */
export class Cleanup {
  readonly #steps: (() => void | Promise<void>)[] = [];
  /** Whether the end has come: from then on nothing may be begun. */
  hasEnded = false;

  /**
   * Registers how to undo something, before it is done. Throws when the end has come.
   *
   * @returns a function that undoes it now and forgets it.
   */
  add(step: () => void | Promise<void>): () => Promise<void> {
    if (this.hasEnded) throw new Error('interrupted');
    this.#steps.push(step);
    return async () => {
      const index = this.#steps.indexOf(step);
      if (index < 0) return;
      this.#steps.splice(index, 1);
      await step();
    };
  }

  async run(): Promise<void> {
    this.hasEnded = true;
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) await step();
  }
}
