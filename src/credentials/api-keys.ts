import { createHash, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { UnixSeconds } from '../turn/time.ts';
import { readIfPresent, writePrivateFile } from './private-file.ts';

/** What a key may do. */
export const apiScopes = ['issue', 'revoke', 'read', 'admin'] as const;
export type ApiScope = (typeof apiScopes)[number];

const StoredApiKey = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  name: Type.String(),
  /** Hex. The secret is random, so a fast hash without salt cannot be guessed back. */
  secretSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  scopes: Type.Array(Type.Enum([...apiScopes])),
  /** Unix seconds. */
  createdAt: Type.Integer(),
});
const ApiKeysFile = Type.Object({ version: Type.Literal(1), keys: Type.Array(StoredApiKey) });

/** A key as it is stored: without its secret. */
export type StoredApiKey = Static<typeof StoredApiKey>;

/** A key that was presented and is right. */
export interface VerifiedApiKey {
  readonly id: string;
  readonly scopes: ReadonlySet<ApiScope>;
}

const nobody = Buffer.alloc(32);

/** The API keys that are accepted. */
export class ApiKeys {
  readonly #byId = new Map<string, { readonly hash: Buffer; readonly key: VerifiedApiKey }>();

  constructor(keys: Iterable<StoredApiKey>) {
    for (const { id, secretSha256, scopes } of keys) {
      this.#byId.set(id, { hash: Buffer.from(secretSha256, 'hex'), key: { id, scopes: new Set(scopes) } });
    }
  }

  /**
   * Checks a presented `id.secret`. An unknown id and a wrong secret take the same work and give the same answer.
   */
  verify(presented: string): VerifiedApiKey | undefined {
    const dot = presented.indexOf('.');
    const known = this.#byId.get(presented.slice(0, Math.max(0, dot)));
    const equal = timingSafeEqual(sha256(presented.slice(dot + 1)), known?.hash ?? nobody);
    return equal ? known?.key : undefined;
  }
}

/**
 * Makes an API key with 192 random bits.
 *
 * @returns the key to hand out, which is not stored anywhere, and what to store
 */
export function createApiKey(options: {
  readonly name: string;
  readonly scopes: readonly ApiScope[];
  readonly now: UnixSeconds;
  readonly randomBytes: (size: number) => Buffer;
}): { readonly key: string; readonly stored: StoredApiKey } {
  const { name, scopes, now, randomBytes } = options;
  const id = randomBytes(9).toString('base64url');
  const secret = randomBytes(24).toString('base64url');
  const secretSha256 = sha256(secret).toString('hex');
  return { key: `${id}.${secret}`, stored: { id, name, secretSha256, scopes: [...scopes], createdAt: now } };
}

/**
 * Reads the stored keys.
 *
 * @returns `undefined` when the file does not exist
 * @throws when it exists and is damaged: to start without keys would lock every app out without saying so
 */
export function readApiKeys(path: string): readonly StoredApiKey[] | undefined {
  const content = readIfPresent(path);
  if (content === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    parsed = undefined;
  }
  if (!Value.Check(ApiKeysFile, parsed)) {
    throw new Error(
      `${path} is damaged; restore it from a backup, or delete it to get a new admin key at the next start`,
    );
  }
  return parsed.keys;
}

/** Stores keys, replacing what was stored. */
export function writeApiKeys(path: string, keys: readonly StoredApiKey[]): void {
  writePrivateFile(path, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
