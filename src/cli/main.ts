import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { registerBench } from './bench.ts';
import { registerCheck } from './check.ts';
import {
  type CommandContext,
  type CommandStreams,
  commandContext,
  type Environment,
  ExitCode,
} from './command-context.ts';
import { CommandFailure, renderFailure, wrongUsage } from './command-failure.ts';
import { registerConfigCheck } from './config-check.ts';
import { registerConfigImport } from './config-import.ts';
import { registerConfigShow } from './config-show.ts';
import { registerCredentialsIssue } from './credentials-issue.ts';
import { registerDoctor } from './doctor.ts';
import { registerDrain } from './drain.ts';
import { registerKeysCreate } from './keys-create.ts';
import { registerKeysList } from './keys-list.ts';
import { registerKeysRevoke } from './keys-revoke.ts';
import { registerReload } from './reload.ts';
import { registerServe } from './serve.ts';
import { registerSessionsKill } from './sessions-kill.ts';
import { registerSessionsList } from './sessions-list.ts';
import { registerSessionsShow } from './sessions-show.ts';
import { registerStatus } from './status.ts';
import { registerUsersAdd } from './users-add.ts';
import { registerUsersImport } from './users-import.ts';
import { registerUsersList } from './users-list.ts';
import { registerUsersRemove } from './users-remove.ts';

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
    await program(context, said).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.success;
    const failure = toFailure(error, said);
    renderFailure(failure, context, json);
    return failure.exitCode;
  }
}

/** All commands. A new one is a file with a `register…` function and a line here. */
function program(context: CommandContext, said: string[]): Command {
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

  registerServe(root, context);
  registerStatus(root, context);
  registerDrain(root, context);
  registerReload(root, context);
  registerCheck(root, context);
  registerDoctor(root, context);
  registerBench(root, context);

  const credentials = group(root, 'credentials', 'Time-limited credentials', 'taciturn credentials issue --user alice');
  registerCredentialsIssue(credentials, context);

  const keys = group(root, 'keys', 'API keys of the HTTP service', 'taciturn keys create --name app --scope issue');
  registerKeysCreate(keys, context);
  registerKeysList(keys, context);
  registerKeysRevoke(keys, context);

  const users = group(root, 'users', 'Static users in the store', 'taciturn users add alice --password-file -');
  registerUsersAdd(users, context);
  registerUsersList(users, context);
  registerUsersRemove(users, context);
  registerUsersImport(users, context);

  const sessions = group(root, 'sessions', 'Live allocations of the running server', 'taciturn sessions list');
  registerSessionsList(sessions, context);
  registerSessionsShow(sessions, context);
  registerSessionsKill(sessions, context);

  const config = group(root, 'config', 'The configuration', 'taciturn config check --config taciturn.yaml');
  registerConfigCheck(config, context);
  registerConfigShow(config, context);
  registerConfigImport(config, context);
  return root;
}

/** A command that only holds others. */
function group(parent: Command, name: string, summary: string, example: string): Command {
  return parent.command(name).description(summary).addHelpText('after', `\nExample:\n  $ ${example}`);
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
