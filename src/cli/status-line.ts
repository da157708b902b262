import type { CommandContext } from './command-context.ts';

const usualColumns = 80;

/** One line on stderr that says what a command is at; it is gone in the end, and never there where stderr is no terminal. */
export class StatusLine {
  readonly #stream: CommandContext['streams']['stderr'];

  constructor({ streams }: CommandContext) {
    this.#stream = streams.stderr;
  }

  show(what: string): void {
    if (this.#stream.isTTY) this.#stream.write(`\r\x1b[K${this.#fitting(`${what} …`)}`);
  }

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
  }

  /** What goes on in a second line could not be taken back. */
  #fitting(text: string): string {
    const { columns = usualColumns } = this.#stream as { readonly columns?: number };
    // Some terminals tell nothing, and say that in columns.
    const room = (columns > 0 ? columns : usualColumns) - 1;
    return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
  }
}
