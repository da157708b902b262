/** Commands of ours, run within the process of the test. */
import { Readable, Writable } from 'node:stream';
import { main } from '../../src/cli/main.ts';

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** As if stdout and stderr were a terminal, of so many columns. */
  readonly terminal?: number;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `taciturn` with these arguments to its end. */
export async function runCommand(line: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { env = {}, stdin = '', terminal } = options;
  const stdout = collector(terminal);
  const stderr = collector(terminal);
  const streams = { stdin: Readable.from([stdin]), stdout: stdout.stream, stderr: stderr.stream };
  const code = await main(line, env, streams);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collector(columns: number | undefined) {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const terminal = columns === undefined ? { isTTY: false } : { isTTY: true, columns };
  return { stream: Object.assign(stream, terminal), text: () => chunks.join('') };
}
