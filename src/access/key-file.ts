import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { Check } from 'typebox/schema';
import { StoredApiKey } from '../credentials/api-key-schemas.ts';
import type { StoredApiKey as Stored } from '../credentials/api-keys.ts';
import { DataDirectoryError } from '../credentials/first-start.ts';

const KeyFile = Type.Object({ version: Type.Literal(1), keys: Type.Array(StoredApiKey) });

/**
 * Reads the file in which keys were kept before there was a store.
 *
 * @throws DataDirectoryError when it is damaged: to start without keys would lock every app out without saying so
 */
export function readKeyFile(path: string): readonly Stored[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    parsed = undefined;
  }
  if (!Check(KeyFile, parsed)) {
    throw new DataDirectoryError(
      `${path} is damaged; restore it from a backup, or delete it to get a new admin key at the next start`,
    );
  }
  return parsed.keys;
}
