import type { CommandContext } from '../command-context.ts';

/** Writes the one document of `--json`. */
export function writeJson(content: object, { streams }: CommandContext): void {
  streams.stdout.write(`${JSON.stringify({ schema: 1, ...content }, null, 2)}\n`);
}
