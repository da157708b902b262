import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiScope, VerifiedApiKey } from '../credentials/api-keys.ts';
import { clientAddress } from './client-address.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError } from './errors.ts';
import { FailureLimit } from './failure-limit.ts';
import { KeyRates } from './key-rates.ts';
import { bearer } from './key-source.ts';
import { admitOrigin } from './origins.ts';

/** Checks the key of a request, and what the key may do. */
export type Authorize = (
  request: FastifyRequest,
  reply: FastifyReply,
  presented: string | undefined,
  scope: ApiScope,
) => VerifiedApiKey;

/** Makes the check of keys that all routes share, with one limit on failures. */
export function createAuthorize(dependencies: HttpServiceDependencies): Authorize {
  const failures = new FailureLimit();
  const rates = new KeyRates();
  return (request, reply, presented, scope) => {
    const { keySource = bearer, wholeServer } = request.routeOptions.config;
    const key = presented === undefined ? undefined : dependencies.keys.verify(presented);
    if (key === undefined) {
      const retryAfter = failures.count(clientAddress(request), dependencies.monotonicNow());
      if (retryAfter > 0) {
        const message = 'Too many requests with a wrong key came from this address.';
        throw new ApiError('too_many_failures', message, { 'retry-after': String(retryAfter) });
      }
      // The same answer whether the id, the secret or the whole key is wrong.
      throw new ApiError('unauthorized', keySource.message, { 'www-authenticate': keySource.challenge });
    }
    request.apiKey = key;
    // First, so that a page may read the refusals that follow.
    admitOrigin(request, reply, key);
    if (!rates.take(key, dependencies.monotonicNow())) {
      const message = `The API key may make ${key.limits.requestsPerSecond} requests a second.`;
      throw new ApiError('rate_limited', message, { 'retry-after': '1' });
    }
    if (!key.scopes.has(scope)) {
      throw new ApiError('insufficient_scope', `The API key does not have the scope ${scope}.`);
    }
    if (wholeServer === true && key.limits.userPrefix !== undefined) {
      const message = 'This concerns the whole server, and the API key is only for users with its prefix.';
      throw new ApiError('insufficient_scope', message);
    }
    return key;
  };
}
