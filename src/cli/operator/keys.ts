import type { Configuration } from '../../config/settings.ts';
import type { KeyLimits, StoredApiKey } from '../../credentials/api-keys.ts';
import { type UnixSeconds, unixSeconds } from '../../turn/time.ts';

/** What is told of a key: never its hash. */
export function presentKey({ id, name, scopes, limits, createdAt }: StoredApiKey): {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly limits: KeyLimits;
  readonly createdAt: string;
} {
  return { id, name, scopes, limits: limits ?? {}, createdAt: new Date(createdAt * 1000).toISOString() };
}

/** Until when something that a key has issued could still be of use: its longest TTL, and what an expired credential may still do. */
export function revokedUntil(
  { limits }: StoredApiKey,
  { credentials, authentication, relay }: Configuration,
  now: UnixSeconds,
): UnixSeconds {
  const longest = limits?.maxTtlSeconds ?? credentials.ttl.maxSeconds;
  const grace = authentication.expiry === 'strict' ? 0 : relay.lifetime.maxSeconds;
  // A credential is good through its last second.
  return unixSeconds(now + longest + grace + 1);
}
