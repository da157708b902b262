import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { HttpServiceDependencies } from './dependencies.ts';

/** `GET /metrics` */
export function metricsRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/metrics',
      {
        schema: {
          summary: 'Metrics for Prometheus',
          operationId: 'metrics',
          tags: ['health'],
          response: { 200: { content: { 'text/plain': { schema: Type.String() } } } },
        },
        // Text goes out as it is, whatever version of the exposition format it has.
        serializerCompiler: () => String,
      },
      async (_request, reply) => {
        const { contentType, body } = await dependencies.metrics();
        return reply.type(contentType).send(body);
      },
    );
  };
}
