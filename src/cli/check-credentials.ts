import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import { explainReadFailure } from '../config/read-failure.ts';
import { issueCredential } from '../credentials/issue.ts';
import type { LadderCredentials } from '../ladder/credentials.ts';
import { oddities } from '../ladder/odd-text.ts';
import type { CommandContext } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';

export interface CredentialOptions {
  readonly username?: string;
  readonly passwordFile?: string;
  readonly secretFile?: string;
}

/** How a user may prove who he is: a password, or a shared secret to make credentials from. */
export type GivenCredentials =
  | { readonly source: 'password'; readonly username: string; readonly password: string }
  | { readonly source: 'shared-secret'; readonly secret: string; readonly user: string | undefined };

/** How long a credential made for one check is good for. Ten minutes leave room for clocks that differ a little. */
const defaultTtlSeconds = 600;

/** Gives the credentials of a check. From a shared secret each call makes a fresh one, good for so many seconds. */
export type CredentialMaker = (ttlSeconds?: number) => LadderCredentials;

/**
 * Finds the credentials of a check: a username with a password, or one made from a shared secret.
 *
 * @returns `undefined` when none are given.
 */
export async function checkCredentials(
  options: CredentialOptions,
  context: CommandContext,
): Promise<LadderCredentials | undefined> {
  return (await credentialMaker(options, context))?.();
}

/**
 * Reads what {@link checkCredentials} does, once, for as many credentials as are needed.
 *
 * @returns `undefined` when none are given.
 */
export async function credentialMaker(
  options: CredentialOptions,
  context: CommandContext,
): Promise<CredentialMaker | undefined> {
  const given = await givenCredentials(options, context);
  if (given?.source !== 'shared-secret') return given && (() => given);
  const { secret, user = 'taciturn-check' } = given;
  const oddInSecret = oddities(secret);
  return (ttlSeconds = defaultTtlSeconds) => ({
    ...credentialFromSecret(secret, user, ttlSeconds, context),
    source: 'shared-secret',
    ...(oddInSecret.length > 0 && { oddInSecret }),
  });
}

/**
 * Reads what the options and the environment give to authenticate with.
 *
 * @returns `undefined` when that is nothing.
 */
export async function givenCredentials(
  options: CredentialOptions,
  context: CommandContext,
): Promise<GivenCredentials | undefined> {
  const { username, passwordFile, secretFile } = options;
  const { TACITURN_PASSWORD, TACITURN_SECRET } = context.environment;
  if (passwordFile !== undefined && secretFile !== undefined) {
    throw wrongUsage('--password-file and --secret-file exclude each other: a password is made from a secret.');
  }
  if (passwordFile !== undefined && username === undefined) throw wrongUsage('--password-file needs --username.');
  if (secretFile !== undefined) {
    const secret = await firstLine('--secret-file', secretFile, context);
    return { source: 'shared-secret', secret, user: username };
  }
  if (username !== undefined) {
    const password =
      passwordFile === undefined ? TACITURN_PASSWORD : await firstLine('--password-file', passwordFile, context);
    if (password) return { source: 'password', username, password };
  }
  if (TACITURN_SECRET) return { source: 'shared-secret', secret: TACITURN_SECRET, user: username };
  if (username === undefined) return undefined;
  throw wrongUsage(
    '--username needs a password: give --password-file FILE (or - for stdin), or set TACITURN_PASSWORD; or give the shared secret with --secret-file FILE.',
  );
}

/** Makes a time-limited credential as the application's server would. */
export function credentialFromSecret(
  secret: string,
  user: string,
  ttlSeconds: number,
  context: CommandContext,
): LongTermCredentials {
  const issued = issueCredential(
    { user, ttlSeconds },
    {
      secret,
      ttl: { defaultSeconds: ttlSeconds, minSeconds: ttlSeconds, maxSeconds: ttlSeconds },
      now: context.unixNow(),
      randomBytes: context.randomBytes,
    },
  );
  if (!issued.ok) throw wrongUsage(`--username: ${issued.message}`);
  const { username, password } = issued.credential;
  return { username, password };
}

/** Reads a secret from the first line of a file, or of stdin with `-`. */
export async function firstLine(
  flag: string,
  file: string,
  { streams, workingDirectory }: CommandContext,
): Promise<string> {
  let content: string;
  try {
    content = file === '-' ? await text(streams.stdin) : readFileSync(resolve(workingDirectory, file), 'utf8');
  } catch (error) {
    throw wrongUsage(`${flag} ${file}: ${explainReadFailure(error)}`);
  }
  const line = content.split(/\r?\n/, 1)[0]!;
  if (line === '') throw wrongUsage(`${flag} ${file}: its first line is empty.`);
  return line;
}
