const interrupting = ['SIGINT', 'SIGTERM'] as const;

/**
 * Takes the first SIGINT or SIGTERM as a wish to come to an end; a second one ends the process as it does where nobody listens.
 */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #interrupt = (): void => {
    this.close();
    this.#controller.abort();
  };

  constructor() {
    for (const name of interrupting) process.on(name, this.#interrupt);
  }

  /** Aborted by the first of them. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does not listen any more. */
  close(): void {
    for (const name of interrupting) process.off(name, this.#interrupt);
  }
}
