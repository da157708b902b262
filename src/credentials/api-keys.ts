import { hash, timingSafeEqual } from 'node:crypto';
import type { Static } from 'typebox';
import type { UnixSeconds } from '../turn/time.ts';
import type * as schemas from './api-key-schemas.ts';

/** What a key may do. */
export const apiScopes = ['issue', 'revoke', 'read', 'admin'] as const;
export type ApiScope = (typeof apiScopes)[number];

/** What a key may use; what is left out is not limited, or as the configuration has it. */
export type KeyLimits = Static<typeof schemas.KeyLimits>;

/** A key as it is stored: without its secret. */
export type StoredApiKey = Static<typeof schemas.StoredApiKey>;

/** A key that was presented and is right. */
export interface VerifiedApiKey {
  readonly id: string;
  readonly scopes: ReadonlySet<ApiScope>;
  readonly limits: KeyLimits;
}

/** Of a SHA-256 in hex. */
const HASH_LENGTH = 64;
const hashPattern = /^[0-9a-f]{64}$/;
/** Nothing has it. */
const nobody = '0'.repeat(HASH_LENGTH);
const noLimits: KeyLimits = {};

/** The API keys that are accepted. */
export class ApiKeys {
  readonly #byId = new Map<string, { readonly hash: string; readonly key: VerifiedApiKey }>();
  /** The sets of scopes that there are; most keys share one. */
  readonly #scopes = new Map<string, ReadonlySet<ApiScope>>();
  // Both hashes of a check, in hex.
  readonly #presented = Buffer.alloc(HASH_LENGTH);
  readonly #expected = Buffer.alloc(HASH_LENGTH);
  /** How many keys each origin may use. */
  readonly #origins = new Map<string, number>();

  constructor(keys: Iterable<StoredApiKey>) {
    for (const key of keys) this.set(key);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The keys without their hashes. */
  *values(): Generator<VerifiedApiKey> {
    for (const { key } of this.#byId.values()) yield key;
  }

  get(id: string): VerifiedApiKey | undefined {
    return this.#byId.get(id)?.key;
  }

  /** Accepts a key from now on, in place of the one with its id. */
  set({ id, secretSha256, scopes, limits = noLimits }: StoredApiKey): void {
    this.delete(id);
    // A damaged one must not leave some of the one before it where hashes are compared.
    const hash = hashPattern.test(secretSha256) ? secretSha256 : nobody;
    this.#byId.set(id, { hash, key: { id, scopes: this.#shared(scopes), limits } });
    for (const origin of new Set(limits.origins)) this.#origins.set(origin, (this.#origins.get(origin) ?? 0) + 1);
  }

  /** Accepts a key no more; false when there was none. */
  delete(id: string): boolean {
    for (const origin of new Set(this.get(id)?.limits.origins)) {
      const others = this.#origins.get(origin)! - 1;
      if (others > 0) this.#origins.set(origin, others);
      else this.#origins.delete(origin);
    }
    return this.#byId.delete(id);
  }

  /** Whether a page of this origin may use some key. */
  allowsOrigin(origin: string): boolean {
    return this.#origins.has(origin);
  }

  /**
   * Checks a presented `id.secret`. An unknown id and a wrong secret take the same work and give the same answer.
   */
  verify(presented: string): VerifiedApiKey | undefined {
    const dot = presented.indexOf('.');
    const known = this.#byId.get(presented.slice(0, Math.max(0, dot)));
    this.#presented.write(sha256(presented.slice(dot + 1)), 'latin1');
    this.#expected.write(known?.hash ?? nobody, 'latin1');
    return timingSafeEqual(this.#presented, this.#expected) ? known?.key : undefined;
  }

  /** One set for all keys with the same scopes: a set of its own takes more memory than all the rest of a key. */
  #shared(scopes: readonly ApiScope[]): ReadonlySet<ApiScope> {
    const name = scopes.join();
    const known = this.#scopes.get(name);
    if (known !== undefined) return known;
    const made = new Set(scopes);
    this.#scopes.set(name, made);
    return made;
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
  readonly limits?: KeyLimits;
  readonly now: UnixSeconds;
  readonly randomBytes: (size: number) => Buffer;
}): { readonly key: string; readonly stored: StoredApiKey } {
  const { name, scopes, limits = {}, now, randomBytes } = options;
  // With a dash at its beginning, a command that is given it would take it for a flag.
  const id = randomBytes(9).toString('base64url').replace(/^-/, 'A');
  const secret = randomBytes(24).toString('base64url');
  const secretSha256 = sha256(secret);
  const stored = { id, name, secretSha256, scopes: [...scopes], createdAt: now };
  return { key: `${id}.${secret}`, stored: Object.keys(limits).length === 0 ? stored : { ...stored, limits } };
}

/** In hex, which takes less time than a buffer made anew. */
function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
