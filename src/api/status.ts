import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { HttpServiceDependencies } from './dependencies.ts';
import { Plane } from './health.ts';

const Status = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  startedAt: Type.String({ format: 'date-time' }),
  state: Type.Enum(['serving', 'draining', 'not-listening']),
  plane: Plane,
  urls: Type.Array(Type.String(), { description: 'What clients are offered.' }),
  allocations: Type.Integer(),
  users: Type.Integer({ description: 'How many have an allocation.' }),
  relayed: Type.Object(
    { packets: Type.Integer(), bytes: Type.Integer() },
    { description: 'Since the start. Bytes are payload.' },
  ),
  store: Type.Object({ kind: Type.Enum(['sqlite', 'redis']), available: Type.Boolean() }),
});

/** `GET /v1/status` */
export function statusRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/status',
      {
        config: { scope: 'read', wholeServer: true },
        schema: {
          summary: 'How the daemon is doing',
          operationId: 'status',
          tags: ['operation'],
          response: { 200: Status },
        },
      },
      async () => {
        const { startedAt, urls, ...status } = await dependencies.status();
        return { ...status, startedAt: new Date(startedAt * 1000).toISOString(), urls: [...urls] };
      },
    );
  };
}
