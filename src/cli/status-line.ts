import type { CommandContext } from './command-context.ts';

/** One line on stderr that says what a command is at; it is gone in the end, and never there where stderr is no terminal. */
export class StatusLine {
  readonly #stream: CommandContext['streams']['stderr'];

  constructor({ streams }: CommandContext) {
    this.#stream = streams.stderr;
  }

  show(what: string): void {
    if (this.#stream.isTTY) this.#stream.write(`\r\x1b[K${what} …`);
  }

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
  }
}
