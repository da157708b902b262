import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const ReloadAnswer = Type.Object({
  certificate: Type.Optional(
    Type.Object(
      {
        status: Type.Union([Type.Literal('reloaded'), Type.Literal('unchanged')]),
        expiresAt: Type.String({ format: 'date-time' }),
      },
      { description: 'Left out when no certificate is configured.' },
    ),
  ),
});

/** `POST /v1/reload` */
export function reloadRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/reload',
      {
        config: { scope: 'admin' },
        schema: {
          summary: 'Read the TLS certificate again; nobody is dropped',
          operationId: 'reload',
          tags: ['operation'],
          response: { 200: ReloadAnswer, 422: ErrorBody },
        },
      },
      async () => {
        const { certificate } = dependencies.reload();
        if (certificate === undefined) return {};
        if (certificate.kind === 'refused') {
          const message = `The certificate from before stays in use, because ${certificate.why}.`;
          throw new ApiError('reload_refused', message);
        }
        const expiresAt = new Date(certificate.expiresAt * 1000).toISOString();
        return { certificate: { status: certificate.kind, expiresAt } };
      },
    );
  };
}
