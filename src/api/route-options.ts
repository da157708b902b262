import type { ApiScope, VerifiedApiKey } from '../credentials/api-keys.ts';

declare module 'fastify' {
  interface FastifyRequest {
    apiKey: VerifiedApiKey | undefined;
  }
  interface FastifyContextConfig {
    /** The scope that the route's key needs; without one the route takes no key. */
    scope?: ApiScope;
    /** The key is not (only) in the Authorization header: the handler checks it. */
    ownKeyCheck?: boolean;
  }
  /** What `/openapi.json` says about a route. */
  interface FastifySchema {
    summary?: string;
    operationId?: string;
    tags?: readonly string[];
  }
}
