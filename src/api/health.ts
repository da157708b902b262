import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const Status = Type.Object({ status: Type.String() });
/** What moves UDP packets. */
export const Plane = Type.Object(
  {
    name: Type.String(),
    why: Type.String({ description: 'Why it is this one.' }),
    workers: Type.Integer({ description: 'Threads for UDP clients beside the main one.' }),
  },
  { description: 'What moves UDP packets.' },
);
const Health = Type.Object({ status: Type.String(), plane: Plane });

/** `GET /healthz` and `GET /readyz` */
export function healthRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/healthz',
      {
        schema: { summary: 'Is the process alive', operationId: 'health', tags: ['health'], response: { 200: Health } },
      },
      async () => ({ status: 'ok', plane: dependencies.plane() }),
    );
    app.get(
      '/readyz',
      {
        schema: {
          summary: 'Does the server take new allocations',
          operationId: 'readiness',
          tags: ['health'],
          response: { 200: Status, 503: ErrorBody },
        },
      },
      async () => {
        const readiness = dependencies.readiness();
        if (!readiness.ready) throw new ApiError('not_ready', readiness.reason);
        return { status: 'ready' };
      },
    );
  };
}
