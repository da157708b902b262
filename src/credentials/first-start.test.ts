import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unixSeconds } from '../turn/time.ts';
import { ApiKeys, createApiKey } from './api-keys.ts';
import {
  apiKeysFile,
  DataDirectoryError,
  prepareDataDirectory,
  readGeneratedSecret,
  sharedSecretFile,
} from './first-start.ts';

const now = unixSeconds(1_700_000_000);
let directory: string;
let dataDir: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-data-'));
  dataDir = join(directory, 'data');
});
afterEach(() => rmSync(directory, { recursive: true }));

function start(configuredSecrets: readonly string[] = []) {
  return prepareDataDirectory({ dataDir, configuredSecrets, now, randomBytes });
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the first start', () => {
  it('makes a secret and an admin key that only the owner may read', () => {
    const { sharedSecrets, apiKeys, made, notices } = start();
    expect(Buffer.from(sharedSecrets[0]!, 'base64url')).toHaveLength(32);
    expect(readGeneratedSecret(dataDir)).toBe(sharedSecrets[0]);
    expect(made.sharedSecretFile).toBe(sharedSecretFile(dataDir));
    expect(new ApiKeys(apiKeys).verify(made.adminApiKey!)?.scopes).toEqual(
      new Set(['issue', 'revoke', 'read', 'admin']),
    );
    expect([dataDir, sharedSecretFile(dataDir), apiKeysFile(dataDir)].map(modeOf)).toEqual([0o700, 0o600, 0o600]);
    expect(notices).toEqual([]);
  });

  it('leaves no temporary file, and no key in clear', () => {
    const { made } = start();
    expect(readdirSync(dataDir).sort()).toEqual(['api-keys.json', 'shared-secret']);
    expect(readFileSync(apiKeysFile(dataDir), 'utf8')).not.toContain(made.adminApiKey!.split('.')[1]);
  });

  it('makes no secret when one is configured', () => {
    const { sharedSecrets, made } = start(['configured secret']);
    expect(sharedSecrets).toEqual(['configured secret']);
    expect(made.sharedSecretFile).toBeUndefined();
    expect(made.adminApiKey).toBeDefined();
    expect(readGeneratedSecret(dataDir)).toBeUndefined();
  });
});

describe('a later start', () => {
  it('makes nothing and has the same', () => {
    const first = start();
    const second = start();
    expect(second).toEqual({ ...first, made: {} });
  });

  it('lets configured secrets replace the generated one', () => {
    start();
    expect(start(['configured secret']).sharedSecrets).toEqual(['configured secret']);
  });

  it('warns about what others may read', () => {
    start();
    chmodSync(dataDir, 0o755);
    chmodSync(sharedSecretFile(dataDir), 0o644);
    expect(start().notices).toEqual([
      expect.stringContaining(`chmod 700 ${dataDir}`),
      expect.stringContaining(`chmod 600 ${sharedSecretFile(dataDir)}`),
    ]);
  });

  it.each([
    ['shared-secret', ''],
    ['api-keys.json', '{"version":1,"keys":[{}]}'],
    ['api-keys.json', '{'],
  ])('does not go on with a damaged %s (%j)', (file, content) => {
    start();
    writeFileSync(join(dataDir, file), content);
    expect(() => start()).toThrow(DataDirectoryError);
  });

  it('does not take a file for its directory', () => {
    writeFileSync(dataDir, '');
    expect(() => start()).toThrow(DataDirectoryError);
  });
});

describe('API keys', () => {
  const { key, stored } = createApiKey({ name: 'app', scopes: ['issue'], now, randomBytes });
  const keys = new ApiKeys([stored]);

  it('are accepted with their scopes', () => {
    expect(keys.verify(key)).toEqual({ id: stored.id, scopes: new Set(['issue']) });
  });

  it.each(['', '.', stored.id, `${stored.id}.`, `${key}x`, key.slice(0, -1), key.split('.')[1]!, `constructor.${key}`])(
    'are refused when wrong: %j',
    (presented) => {
      expect(keys.verify(presented)).toBeUndefined();
    },
  );
});
