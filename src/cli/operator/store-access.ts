import { existsSync, mkdirSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { loadConfiguration } from '../../config/load-configuration.ts';
import type { Configuration } from '../../config/settings.ts';
import { openStore } from '../../store/open-store.ts';
import { databaseFile } from '../../store/sqlite/sqlite-store.ts';
import { type Store, StoreError } from '../../store/store.ts';
import { type CommandContext, ExitCode } from '../command-context.ts';
import { badConfiguration, CommandFailure } from '../command-failure.ts';
import { addConfigFlag, configurationFile, readConfigurationFlags } from '../configuration-flags.ts';

export interface StoreOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly realm?: string;
  readonly json?: boolean;
}

/** Said in the help of every command that works on the store. */
export const storeHelp = `
It works on the store that the configuration names, whether a server is running or not; a running one takes the change over
within a second. Run it on the machine of the server, as the same user, and with the same file, environment and working
directory.`;

/** Adds the flags that say which store is meant. */
export function addStoreFlags(command: Command): Command {
  addConfigFlag(command);
  return command
    .option('--data-dir <DIR>', 'the data directory of the server, in place of the one of its configuration')
    .option('--json', 'one JSON document');
}

/** Adds the flag for the realm, where keys of users are made or judged. */
export function addRealmFlag(command: Command): Command {
  return command.option('--realm <REALM>', 'the realm of the server, in place of the one of its configuration');
}

/**
 * Opens the store of the configuration for as long as some work lasts.
 *
 * @param whenAbsent what to do where no server has had this data directory yet. A mistyped one is more likely for some
 * commands than for others.
 * @throws CommandFailure
 */
export async function withStore<T>(
  options: StoreOptions,
  context: CommandContext,
  whenAbsent: 'create' | 'refuse',
  work: (store: Store, configuration: Configuration) => Promise<T>,
): Promise<T> {
  const { environment, workingDirectory, streams } = context;
  const file = configurationFile(options, environment);
  const flags = readConfigurationFlags({ dataDir: options.dataDir, realm: options.realm });
  const loaded = loadConfiguration({ file, environment, flags, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  const { configuration } = loaded;
  const { dataDir, store: settings } = configuration;
  if (settings.redis === undefined) {
    if (!existsSync(databaseFile(dataDir))) {
      if (whenAbsent === 'refuse') throw noDatabase(dataDir);
      checkOwner(dataDir);
      makeDirectory(dataDir);
      streams.stderr.write(`note: no server has used the data directory ${dataDir} yet\n`);
    }
  }
  try {
    const store = await openStore({ dataDir, redis: settings.redis, redisPrefix: settings.redisPrefix });
    try {
      return await work(store, configuration);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (error instanceof StoreError) {
      throw new CommandFailure(ExitCode.failure, 'store_unavailable', error.message);
    }
    throw error;
  }
}

function makeDirectory(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandFailure(
      ExitCode.failure,
      'no_store',
      `The data directory ${dataDir} cannot be made: ${(error as Error).message}. Check its owner and mode, or name another with --data-dir.`,
    );
  }
}

/** A database that root makes in the data directory of another user is closed to the server; what SQLite adds to one is not. */
function checkOwner(dataDir: string): void {
  if (process.getuid?.() !== 0 || !existsSync(dataDir)) return;
  const { uid } = statSync(dataDir);
  if (uid === 0) return;
  throw new CommandFailure(
    ExitCode.failure,
    'wrong_user',
    `${dataDir} belongs to the user with the id ${uid}, who could not read what root would make there. Run this as that user: sudo -u '#${uid}' taciturn …`,
  );
}

function noDatabase(dataDir: string): CommandFailure {
  return new CommandFailure(
    ExitCode.failure,
    'no_store',
    `There is no store in ${dataDir}: no server has used this data directory yet. If the server has another one, name it with --data-dir, or its configuration with --config.`,
  );
}
