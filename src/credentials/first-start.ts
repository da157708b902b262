import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createPrivateFile, isOpenToOthers, readIfPresent } from './private-file.ts';

/** What the data directory holds, and what was made in it just now. */
export interface DataDirectory {
  /** The configured secrets, or the generated one. */
  readonly sharedSecrets: readonly string[];
  readonly made: {
    /** The file of the new shared secret. */
    readonly sharedSecretFile?: string;
  };
  /** What the operator should know, such as a file that others may read. */
  readonly notices: readonly string[];
}

/** The data directory cannot be used. The message says what happened and what to do. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

/** Where the generated shared secret is. */
export function sharedSecretFile(dataDir: string): string {
  return join(dataDir, 'shared-secret');
}

/** Where the API keys were before there was a store. */
export function apiKeysFile(dataDir: string): string {
  return join(dataDir, 'api-keys.json');
}

/**
 * Makes what a first start needs: the data directory, and a shared secret unless one is configured. On later starts it reads
 * the secret back and makes nothing. Several first starts at the same time come to one secret.
 *
 * @throws DataDirectoryError
 */
export function prepareDataDirectory(options: {
  readonly dataDir: string;
  readonly configuredSecrets: readonly string[];
  readonly randomBytes: (size: number) => Buffer;
}): DataDirectory {
  const { dataDir, configuredSecrets, randomBytes } = options;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (!statSync(dataDir).isDirectory()) throw new DataDirectoryError(`${dataDir} is no directory`);
    const secret = configuredSecrets.length > 0 ? undefined : sharedSecret(dataDir, randomBytes);
    return {
      sharedSecrets: secret ? [secret.value] : configuredSecrets,
      made: secret?.isNew ? { sharedSecretFile: sharedSecretFile(dataDir) } : {},
      notices: openModes(dataDir, secret !== undefined),
    };
  } catch (error) {
    if (error instanceof DataDirectoryError) throw error;
    throw new DataDirectoryError(
      `The data directory ${dataDir} cannot be used: ${(error as Error).message}. Check its owner and mode, or set dataDir.`,
    );
  }
}

/**
 * The generated shared secret of an earlier start.
 *
 * @returns `undefined` when there is none
 * @throws when the file cannot be read
 */
export function readGeneratedSecret(dataDir: string): string | undefined {
  return readIfPresent(sharedSecretFile(dataDir))?.trim();
}

function sharedSecret(dataDir: string, randomBytes: (size: number) => Buffer) {
  const path = sharedSecretFile(dataDir);
  const isNew =
    readGeneratedSecret(dataDir) === undefined && createPrivateFile(path, `${randomBytes(32).toString('base64url')}\n`);
  // Read back also when it is new: another start may have been first.
  const value = readGeneratedSecret(dataDir) ?? '';
  if (Buffer.byteLength(value) < 16) {
    throw new DataDirectoryError(
      `${path} is empty or too short; restore it, or delete it to get a new secret at the next start.`,
    );
  }
  return { value, isNew };
}

function openModes(dataDir: string, usesGeneratedSecret: boolean): string[] {
  const paths = [dataDir, ...(usesGeneratedSecret ? [sharedSecretFile(dataDir)] : [])];
  return paths.filter(isOpenToOthers).map((path) => {
    const mode = path === dataDir ? '700' : '600';
    return `${path} is open to other users of this machine; close it with: chmod ${mode} ${path}`;
  });
}
