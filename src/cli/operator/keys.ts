import type { Configuration } from '../../config/settings.ts';
import type { KeyLimits, StoredApiKey } from '../../credentials/api-keys.ts';
import { revokedUntil } from '../../credentials/revoked-until.ts';
import { graceSeconds } from '../../daemon/credential-grace.ts';
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

/** Until when something that a key has issued could still be of use. */
export function keyRevokedUntil({ limits }: StoredApiKey, configuration: Configuration, now: UnixSeconds): UnixSeconds {
  const longest = limits?.maxTtlSeconds ?? configuration.credentials.ttl.maxSeconds;
  return revokedUntil(unixSeconds(now + longest), graceSeconds(configuration), now);
}
