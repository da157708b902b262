import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Channel } from './channel.ts';

/** A channel over two streams, such as standard input and output of a process: one JSON document on each line. */
export class LineChannel implements Channel {
  onMessage: Channel['onMessage'] = () => {};
  onEnd: Channel['onEnd'] = () => {};
  readonly #output: Writable;

  constructor(input: Readable, output: Writable) {
    this.#output = output;
    output.on('error', () => this.onEnd('its output was closed'));
    const lines = createInterface({ input });
    lines.on('line', (line) => {
      const message = parse(line);
      if (message === undefined) this.onEnd(`it said: ${line}`);
      else this.onMessage(message);
    });
    lines.on('error', () => this.onEnd('its input was lost'));
    lines.on('close', () => this.onEnd('it ended'));
  }

  post(message: unknown): void {
    this.#output.write(`${JSON.stringify(message)}\n`);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
