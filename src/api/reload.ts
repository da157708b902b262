import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { HttpServiceDependencies, ReloadOutcome } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const ReloadAnswer = Type.Object({
  applied: Type.Array(Type.String(), { description: 'Keys of the configuration whose new value is in use.' }),
  waiting: Type.Array(Type.String(), { description: 'Those whose new value counts from the next start on.' }),
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
        config: { scope: 'admin', wholeServer: true, audit: { action: 'reload' } },
        schema: {
          summary: 'Read the configuration and the TLS certificate again; nobody is dropped',
          operationId: 'reload',
          tags: ['operation'],
          response: { 200: ReloadAnswer, 422: ErrorBody },
        },
      },
      async (request) => {
        const outcome = await dependencies.reload();
        if (!outcome.ok) {
          const message = `Nothing was changed: ${outcome.problems.join('; ')}`;
          throw new ApiError('reload_refused', message, {}, outcome.problems);
        }
        const { applied, waiting } = outcome;
        request.auditFacts = { details: { applied, waiting } };
        return { applied: [...applied], waiting: [...waiting], ...presentCertificate(outcome) };
      },
    );
  };
}

function presentCertificate({
  certificate,
  applied,
}: Extract<ReloadOutcome, { ok: true }>): Pick<Static<typeof ReloadAnswer>, 'certificate'> {
  if (certificate === undefined) return {};
  if (certificate.kind === 'refused') {
    const rest = applied.length > 0 ? ` These settings are in use all the same: ${applied.join(', ')}.` : '';
    const problem = `The certificate from before stays in use, because ${certificate.why}.`;
    throw new ApiError('reload_refused', problem + rest, {}, [problem]);
  }
  return {
    certificate: { status: certificate.kind, expiresAt: new Date(certificate.expiresAt * 1000).toISOString() },
  };
}
