/** What a command gets from outside, with its output kept. */
import { Readable, Writable } from 'node:stream';
import type { CommandContext, Environment } from '../../src/cli/command-context.ts';
import { unixSeconds } from '../../src/turn/time.ts';

export interface TerminalOptions {
  readonly environment?: Environment;
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly workingDirectory?: string;
}

export function terminal({ environment = {}, stdin = '', tty = false, workingDirectory = '/' }: TerminalOptions = {}) {
  const stdout = collector(tty);
  const stderr = collector(tty);
  const context: CommandContext = {
    environment,
    streams: { stdin: Readable.from([stdin]), stdout: stdout.stream, stderr: stderr.stream },
    version: '0.0.0',
    workingDirectory,
    randomBytes: (size) => Buffer.alloc(size, 1),
    unixNow: () => unixSeconds(1_800_000_000),
    complete: () => {},
  };
  return { context, stdout, stderr };
}

function collector(isTTY: boolean) {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => chunks.join('') };
}
