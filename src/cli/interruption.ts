import { CommandFailure } from './command-failure.ts';

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
    this.#listen();
  }

  /** Aborted by the first of them. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** While this work is done, an interruption ends only that. */
  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.close();
    const inner = new Interruption();
    try {
      return await work(inner.signal);
    } finally {
      inner.close();
      this.#listen();
    }
  }

  /** Does not listen any more. */
  close(): void {
    for (const name of interrupting) process.off(name, this.#interrupt);
  }

  #listen(): void {
    if (!this.signal.aborted) for (const name of interrupting) process.on(name, this.#interrupt);
  }
}

/** As when a signal ends a process: 128 and the number of SIGINT. */
const interruptedExitCode = 130;

/**
 * Does something that Ctrl-C may end early, but not before everything has been given back.
 *
 * @param message what was interrupted, and what became of it.
 * @throws CommandFailure when it was interrupted.
 */
export async function unlessInterrupted<T>(
  message: string,
  work: (interruption: Interruption) => Promise<T>,
): Promise<T> {
  const interruption = new Interruption();
  try {
    const result = await work(interruption);
    if (!interruption.signal.aborted) return result;
    throw new CommandFailure(interruptedExitCode, 'interrupted', message);
  } finally {
    interruption.close();
  }
}
