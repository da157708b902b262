import type { TurnServerOptions } from './options.ts';

/** The lifetime in seconds that the server grants: what was asked, but not less than the default and not more than the most (RFC 8656 §7.2, §8.2). */
export function grantedLifetime(
  options: Pick<TurnServerOptions, 'defaultLifetimeSeconds' | 'maxLifetimeSeconds'>,
  askedSeconds: number | undefined,
): number {
  return Math.max(options.defaultLifetimeSeconds, Math.min(askedSeconds ?? 0, options.maxLifetimeSeconds));
}
