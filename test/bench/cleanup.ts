/** What has to be undone at the end, whichever end it is; the last thing first. */
export class Cleanup {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** @returns a function that undoes it now and forgets it. */
  add(step: () => void | Promise<void>): () => Promise<void> {
    this.#steps.push(step);
    return async () => {
      const index = this.#steps.indexOf(step);
      if (index < 0) return;
      this.#steps.splice(index, 1);
      await step();
    };
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) await step();
  }
}
