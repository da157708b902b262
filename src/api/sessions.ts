import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { SessionSummary } from '../turn/session-summary.ts';
import type { UnixSeconds } from '../turn/time.ts';
import { type HttpServiceDependencies, mayTouch } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';
import { cutPage, nextPage, pageLimit, pageParameters } from './paging.ts';

const SessionListParameters = Type.Object(
  {
    user: Type.Optional(Type.String({ description: 'Only those of this user.' })),
    label: Type.Optional(Type.String({ description: 'Only those whose credential has this label.' })),
    ...pageParameters,
  },
  { additionalProperties: false },
);

const SessionParameters = Type.Object({ id: Type.String({ description: 'The id of the session.' }) });

const Traffic = Type.Object({ packets: Type.Integer(), bytes: Type.Integer() });

const Session = Type.Object({
  id: Type.String({ description: 'Names the allocation in the logs as well.' }),
  user: Type.String(),
  label: Type.Optional(Type.String()),
  client: Type.String({ description: 'The address and port that the client comes from.' }),
  transport: Type.Enum(['udp', 'tcp', 'tls']),
  relayed: Type.Array(Type.String(), { description: 'The relayed addresses.' }),
  createdAt: Type.String({ format: 'date-time' }),
  expiresAt: Type.String({ format: 'date-time', description: 'When it ends unless the client refreshes it.' }),
  permissions: Type.Integer({ description: 'Peer addresses it may exchange data with at this moment.' }),
  channels: Type.Integer(),
  fromClient: Traffic,
  toClient: Traffic,
  server: Type.Integer({ description: 'Which server of the daemon has it: 0 is the main thread.' }),
});

const SessionList = Type.Object({ sessions: Type.Array(Session), next: nextPage });

/** `GET /v1/sessions`, `GET` and `DELETE /v1/sessions/{id}` */
export function sessionRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/sessions',
      {
        config: { scope: 'read' },
        schema: {
          summary: 'Live allocations with their traffic so far, ordered by id',
          operationId: 'listSessions',
          tags: ['sessions'],
          querystring: SessionListParameters,
          response: { 200: SessionList, 400: ErrorBody },
        },
      },
      async ({ apiKey, query: { user, label, limit: wanted, cursor } }) => {
        const limit = pageLimit(wanted);
        const { userPrefix } = apiKey!.limits;
        const found = await dependencies.sessions({ user, userPrefix, label, after: cursor, limit: limit + 1 });
        const { shown, next } = cutPage(found, ({ id }) => id, limit);
        return { sessions: shown.map(present), ...(next !== undefined && { next }) };
      },
    );
    app.get(
      '/v1/sessions/:id',
      {
        config: { scope: 'read' },
        schema: {
          summary: 'One live allocation',
          operationId: 'getSession',
          tags: ['sessions'],
          params: SessionParameters,
          response: { 200: Session, 404: ErrorBody },
        },
      },
      async ({ apiKey, params: { id } }) => {
        const session = await dependencies.session(id);
        // Those of others are not even said to exist.
        if (session === undefined || !mayTouch(apiKey!, session.user)) throw noSession();
        return present(session);
      },
    );
    app.delete(
      '/v1/sessions/:id',
      {
        config: { scope: 'admin', audit: { action: 'session-ended', subject: 'id' } },
        schema: {
          summary: 'End an allocation at once',
          operationId: 'endSession',
          tags: ['sessions'],
          params: SessionParameters,
          response: { 204: Type.Null(), 404: ErrorBody },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const session = await dependencies.session(id);
        if (session === undefined || !mayTouch(request.apiKey!, session.user)) throw noSession();
        request.auditFacts = { details: { user: session.user } };
        if (!(await dependencies.endSession(id))) throw noSession();
        return reply.code(204).send(null);
      },
    );
  };
}

function noSession(): ApiError {
  return new ApiError('not_found', 'There is no live session of this id.');
}

function present({ label, relayed, createdAt, expiresAt, ...session }: SessionSummary): Static<typeof Session> {
  return {
    ...session,
    ...(label !== undefined && { label }),
    relayed: [...relayed],
    createdAt: isoTime(createdAt),
    expiresAt: isoTime(expiresAt),
  };
}

function isoTime(at: UnixSeconds): string {
  return new Date(at * 1000).toISOString();
}
