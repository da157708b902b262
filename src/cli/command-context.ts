import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import { type UnixSeconds, unixSeconds } from '../turn/time.ts';

/** Exit codes of every command that is no diagnostic. */
export const ExitCode = { success: 0, failure: 1, usage: 64, badConfiguration: 78 } as const;

/** Where a command reads and writes. Data goes to `stdout`, everything else to `stderr`. */
export interface CommandStreams {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command gets from outside. */
export interface CommandContext {
  readonly environment: Environment;
  readonly streams: CommandStreams;
  readonly version: string;
  readonly workingDirectory: string;
  readonly randomBytes: (size: number) => Buffer;
  unixNow(): UnixSeconds;
  /** Says with which code the program ends. */
  complete(exitCode: number): void;
}

/** Adds one command to the program. Each command's file exports one such function. */
export type RegisterCommand = (parent: Command, context: CommandContext) => void;

/** A context of the real machine. */
export function commandContext(options: {
  readonly environment: Environment;
  readonly streams: CommandStreams;
  readonly version: string;
  readonly complete: (exitCode: number) => void;
}): CommandContext {
  return {
    ...options,
    workingDirectory: process.cwd(),
    randomBytes,
    unixNow: () => unixSeconds(Date.now() / 1000),
  };
}
