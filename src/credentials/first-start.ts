import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { UnixSeconds } from '../turn/time.ts';
import { apiScopes, createApiKey, readApiKeys, type StoredApiKey, writeApiKeys } from './api-keys.ts';
import { isOpenToOthers, readIfPresent, writePrivateFile } from './private-file.ts';

/** What the data directory holds, and what was made in it just now. */
export interface DataDirectory {
  /** The configured secrets, or the generated one. */
  readonly sharedSecrets: readonly string[];
  readonly apiKeys: readonly StoredApiKey[];
  readonly made: {
    /** The file of the new shared secret. */
    readonly sharedSecretFile?: string;
    /** The new admin key. It is stored as a hash only, so this is the one time it can be shown. */
    readonly adminApiKey?: string;
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

/** Where the API keys are. */
export function apiKeysFile(dataDir: string): string {
  return join(dataDir, 'api-keys.json');
}

/**
 * Makes what a first start needs: the data directory, a shared secret unless one is configured, and an admin API key.
 * On later starts it reads them back and makes nothing.
 *
 * @throws DataDirectoryError
 */
export function prepareDataDirectory(options: {
  readonly dataDir: string;
  readonly configuredSecrets: readonly string[];
  readonly now: UnixSeconds;
  readonly randomBytes: (size: number) => Buffer;
}): DataDirectory {
  const { dataDir, configuredSecrets, now, randomBytes } = options;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (!statSync(dataDir).isDirectory()) throw new DataDirectoryError(`${dataDir} is no directory`);
    const secret = configuredSecrets.length > 0 ? undefined : sharedSecret(dataDir, randomBytes);
    const admin = adminKey(dataDir, now, randomBytes);
    return {
      sharedSecrets: secret ? [secret.value] : configuredSecrets,
      apiKeys: admin.keys,
      made: {
        ...(secret?.isNew ? { sharedSecretFile: sharedSecretFile(dataDir) } : {}),
        ...(admin.key === undefined ? {} : { adminApiKey: admin.key }),
      },
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
 * Forgets the admin key that a start has made and then, because it failed, could not show: the next start makes another.
 */
export function forgetUnshownKey(dataDir: string, { made }: DataDirectory): void {
  if (made.adminApiKey !== undefined) rmSync(apiKeysFile(dataDir), { force: true });
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
  const stored = readGeneratedSecret(dataDir);
  if (stored === undefined) {
    const value = randomBytes(32).toString('base64url');
    writePrivateFile(sharedSecretFile(dataDir), `${value}\n`);
    return { value, isNew: true };
  }
  if (Buffer.byteLength(stored) < 16) {
    throw new DataDirectoryError(
      `${sharedSecretFile(dataDir)} is empty or too short; restore it, or delete it to get a new secret at the next start.`,
    );
  }
  return { value: stored, isNew: false };
}

function adminKey(dataDir: string, now: UnixSeconds, randomBytes: (size: number) => Buffer) {
  const path = apiKeysFile(dataDir);
  const keys = readApiKeys(path);
  if (keys !== undefined) return { keys, key: undefined };
  const { key, stored } = createApiKey({ name: 'admin', scopes: apiScopes, now, randomBytes });
  writeApiKeys(path, [stored]);
  return { keys: [stored], key };
}

function openModes(dataDir: string, usesGeneratedSecret: boolean): string[] {
  const paths = [dataDir, apiKeysFile(dataDir), ...(usesGeneratedSecret ? [sharedSecretFile(dataDir)] : [])];
  return paths.filter(isOpenToOthers).map((path) => {
    const mode = path === dataDir ? '700' : '600';
    return `${path} is open to other users of this machine; close it with: chmod ${mode} ${path}`;
  });
}
