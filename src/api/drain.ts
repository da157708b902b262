import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { HttpServiceDependencies } from './dependencies.ts';

/** `POST /v1/drain` */
export function drainRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/drain',
      {
        config: { scope: 'admin', wholeServer: true, audit: { action: 'drain' } },
        schema: {
          summary: 'Take no new allocations from now on; those that exist go on, and the process keeps running',
          operationId: 'drain',
          tags: ['operation'],
          response: { 202: Type.Object({ status: Type.Literal('draining') }) },
        },
      },
      async (_request, reply) => {
        dependencies.drain();
        return reply.code(202).send({ status: 'draining' as const });
      },
    );
  };
}
