import type { Configuration } from '../config/settings.ts';

/** For how long after its end a credential may still refresh an allocation. */
export function graceSeconds({ authentication: { expiry }, relay: { lifetime } }: Configuration): number {
  if (expiry === 'lax') return Number.POSITIVE_INFINITY;
  return expiry === 'strict' ? 0 : lifetime.defaultSeconds;
}
