import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import {
  type CommandContext,
  type CommandStreams,
  commandContext,
  type Environment,
  ExitCode,
} from './command-context.ts';
import { CommandFailure, renderFailure, wrongUsage } from './command-failure.ts';
import { commands } from './commands.ts';

/**
 * Runs the command line.
 *
 * @param argv what follows the program's name
 * @returns the exit code; it never ends the process by itself
 */
export async function main(
  argv: readonly string[],
  environment: Environment,
  streams: CommandStreams,
): Promise<number> {
  let exitCode: number = ExitCode.success;
  const context = commandContext({
    environment,
    streams,
    version: packageVersion(),
    complete: (code) => {
      exitCode = code;
    },
  });
  const json = argv.includes('--json');
  const said: string[] = [];
  try {
    const root = await program(context, said, argv[0]);
    await root.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.success;
    const failure = toFailure(error, said);
    renderFailure(failure, context, json);
    return failure.exitCode;
  }
}

/** The command that is asked for, or all: to load them all takes longer than most of them. */
async function program(context: CommandContext, said: string[], first: string | undefined): Promise<Command> {
  const { stdout } = context.streams;
  const root = new Command('taciturn')
    .description(
      'A STUN/TURN server of few words, its credential endpoint, and the tool for when a call does not connect',
    )
    .version(context.version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // Held back, so that with --json an error is JSON too.
      writeErr: (text) => said.push(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', '\nExamples:\n  $ taciturn serve\n  $ taciturn credentials issue --user alice');
  if (first === '--version' || first === '-V') return root;
  const one = commands.filter(({ name }) => name === first);
  for (const { name, group, load } of one.length > 0 ? one : commands) {
    const parent = group === undefined ? root : root.command(name).description(group.summary);
    if (group !== undefined) parent.addHelpText('after', `\nExample:\n  $ ${group.example}`);
    for (const { register } of await Promise.all(load())) register(parent, context);
  }
  return root;
}

function toFailure(error: unknown, said: readonly string[]): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof CommanderError) {
    // A group without a subcommand: commander has written the help.
    if (error.code === 'commander.help') return wrongUsage(`A subcommand is missing.\n\n${said.join('').trim()}`);
    return wrongUsage(
      `${said
        .join('')
        .trim()
        .replace(/^error: /, '')}\nSee --help for what can be given.`,
    );
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CommandFailure(ExitCode.failure, 'internal', `This is a bug of taciturn: ${message}`);
}

function packageVersion(): string {
  // The same from src/cli and from dist/cli.
  const content = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(content) as { version: string }).version;
}
