import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectoryError, prepareDataDirectory, readGeneratedSecret, sharedSecretFile } from './first-start.ts';

let directory: string;
let dataDir: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-data-'));
  dataDir = join(directory, 'data');
});
afterEach(() => rmSync(directory, { recursive: true }));

function start(configuredSecrets: readonly string[] = []) {
  return prepareDataDirectory({ dataDir, configuredSecrets, randomBytes });
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the first start', () => {
  it('makes a secret that only the owner may read', () => {
    const { sharedSecrets, made, notices } = start();
    expect(Buffer.from(sharedSecrets[0]!, 'base64url')).toHaveLength(32);
    expect(readGeneratedSecret(dataDir)).toBe(sharedSecrets[0]);
    expect(made.sharedSecretFile).toBe(sharedSecretFile(dataDir));
    expect([dataDir, sharedSecretFile(dataDir)].map(modeOf)).toEqual([0o700, 0o600]);
    expect(notices).toEqual([]);
  });

  it('leaves no temporary file', () => {
    start();
    expect(readdirSync(dataDir)).toEqual(['shared-secret']);
  });

  it('takes the secret of another one that was a little faster', () => {
    const another = 'x'.repeat(43);
    const slow = (size: number) => {
      writeFileSync(sharedSecretFile(dataDir), `${another}\n`, { mode: 0o600 });
      return randomBytes(size);
    };
    const { sharedSecrets, made } = prepareDataDirectory({ dataDir, configuredSecrets: [], randomBytes: slow });
    expect(sharedSecrets).toEqual([another]);
    expect(made.sharedSecretFile).toBeUndefined();
    expect(readdirSync(dataDir)).toEqual(['shared-secret']);
  });

  it('makes no secret when one is configured', () => {
    const { sharedSecrets, made } = start(['configured secret']);
    expect(sharedSecrets).toEqual(['configured secret']);
    expect(made.sharedSecretFile).toBeUndefined();
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

  it.each(['', 'short'])('does not go on with a damaged secret (%j)', (content) => {
    start();
    writeFileSync(sharedSecretFile(dataDir), content);
    expect(() => start()).toThrow(DataDirectoryError);
  });

  it('does not take a file for its directory', () => {
    writeFileSync(dataDir, '');
    expect(() => start()).toThrow(DataDirectoryError);
  });
});
