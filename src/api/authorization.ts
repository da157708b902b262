import type { FastifyRequest } from 'fastify';
import type { ApiScope, VerifiedApiKey } from '../credentials/api-keys.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError } from './errors.ts';
import { FailureLimit } from './failure-limit.ts';

/** Checks the key of a request. */
export type Authorize = (request: FastifyRequest, presented: string | undefined, scope: ApiScope) => VerifiedApiKey;

const challenge = { 'www-authenticate': 'Bearer realm="taciturn"' };

/** Makes the check of keys that all routes share, with one limit on failures. */
export function createAuthorize(dependencies: HttpServiceDependencies): Authorize {
  const failures = new FailureLimit();
  return (request, presented, scope) => {
    const key = presented === undefined ? undefined : dependencies.apiKeys.verify(presented);
    if (key === undefined) {
      const retryAfter = failures.count(request.ip, dependencies.monotonicNow());
      if (retryAfter > 0) {
        const message = 'Too many requests with a wrong key came from this address.';
        throw new ApiError('too_many_failures', message, { 'retry-after': String(retryAfter) });
      }
      // The same answer whether the id, the secret or the whole key is wrong.
      throw new ApiError('unauthorized', 'A valid API key is needed: Authorization: Bearer <key>.', challenge);
    }
    if (!key.scopes.has(scope)) {
      throw new ApiError('insufficient_scope', `The API key does not have the scope ${scope}.`);
    }
    request.apiKey = key;
    return key;
  };
}

/** The key of an `Authorization: Bearer` header. */
export function bearerKey(request: FastifyRequest): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}
