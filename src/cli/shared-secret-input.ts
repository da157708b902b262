import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { explainReadFailure } from '../config/read-failure.ts';
import { secretFault } from '../config/secret-strength.ts';
import type { Configuration } from '../config/settings.ts';
import { readGeneratedSecret, sharedSecretFile } from '../credentials/first-start.ts';
import { type CommandContext, ExitCode } from './command-context.ts';
import { CommandFailure } from './command-failure.ts';

/**
 * Finds the shared secret that issues: from `--secret-file` (`-` is stdin), else the first configured one, else the one
 * that the first start of the daemon made.
 */
export async function sharedSecret(
  secretFile: string | undefined,
  configuration: Configuration,
  context: CommandContext,
): Promise<string> {
  if (secretFile !== undefined) return strongEnough(await readSecret(secretFile, context), secretFile);
  const [configured] = configuration.authentication.sharedSecrets;
  if (configured !== undefined) return configured;
  const path = sharedSecretFile(configuration.dataDir);
  try {
    const generated = readGeneratedSecret(configuration.dataDir);
    if (generated !== undefined) return strongEnough(generated, path);
  } catch (error) {
    throw noSecret(`${path}: ${explainReadFailure(error)}`);
  }
  throw noSecret(
    `There is no shared secret: none is configured, and ${path} does not exist. Start the server once, which makes it, or name one with --secret-file or authentication.sharedSecretsFile.`,
  );
}

async function readSecret(secretFile: string, { streams, workingDirectory }: CommandContext): Promise<string> {
  try {
    const content =
      secretFile === '-' ? await text(streams.stdin) : readFileSync(resolve(workingDirectory, secretFile), 'utf8');
    return content.split(/\r?\n/, 1)[0]!;
  } catch (error) {
    throw noSecret(`--secret-file ${secretFile}: ${explainReadFailure(error)}`);
  }
}

function strongEnough(secret: string, where: string): string {
  const fault = secretFault(secret);
  if (fault === undefined) return secret;
  throw noSecret(`The secret in ${where === '-' ? 'stdin' : where} is refused because ${fault}.`);
}

function noSecret(message: string): CommandFailure {
  return new CommandFailure(ExitCode.badConfiguration, 'no_secret', message);
}
