import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { KeyLimits } from '../credentials/api-key-schemas.ts';
import { apiScopes, type StoredApiKey } from '../credentials/api-keys.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';
import { nextPage, pageOf, pageParameters } from './paging.ts';

const Scopes = Type.Array(Type.Enum([...apiScopes]), {
  minItems: 1,
  uniqueItems: true,
  description: 'What the key may do.',
});

const KeyWish = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 128, pattern: '^\\P{Cc}+$', description: 'What the key is for.' }),
    scopes: Scopes,
    limits: Type.Optional(KeyLimits),
  },
  { additionalProperties: false },
);

const keyFields = {
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.Enum([...apiScopes])),
  limits: KeyLimits,
  createdAt: Type.String({ format: 'date-time' }),
};
const Key = Type.Object(keyFields);
const NewKey = Type.Object({ key: Type.String({ description: 'Shown this once; it is not stored.' }), ...keyFields });
const KeyList = Type.Object({ keys: Type.Array(Key), next: nextPage });

/** `GET` and `POST /v1/keys`, `DELETE /v1/keys/{id}` */
export function keyRoutes({ keys }: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/keys',
      {
        config: { scope: 'admin', wholeServer: true },
        schema: {
          summary: 'API keys, ordered by id',
          operationId: 'listKeys',
          tags: ['keys'],
          querystring: Type.Object(pageParameters, { additionalProperties: false }),
          response: { 200: KeyList, 400: ErrorBody, 503: ErrorBody },
        },
      },
      async ({ query }) => {
        const { shown, next } = pageOf(await keys.list(), ({ id }) => id, query);
        return { keys: shown.map(present), ...(next !== undefined && { next }) };
      },
    );
    app.post(
      '/v1/keys',
      {
        config: { scope: 'admin', wholeServer: true, audit: { action: 'key-created' } },
        schema: {
          summary: 'Make an API key',
          operationId: 'createKey',
          tags: ['keys'],
          body: KeyWish,
          response: { 201: NewKey, 400: ErrorBody, 503: ErrorBody },
        },
      },
      async (request, reply) => {
        const { name, scopes, limits = {} } = request.body;
        request.auditFacts = { details: { name, scopes } };
        const { key, stored } = await keys.create({ name, scopes, limits });
        request.auditFacts = { subject: stored.id, details: { name, scopes, ...limits } };
        return reply.code(201).send({ key, ...present(stored) });
      },
    );
    app.delete(
      '/v1/keys/:id',
      {
        config: { scope: 'admin', wholeServer: true, audit: { action: 'key-revoked', subject: 'id' } },
        schema: {
          summary: 'Revoke an API key and all that it has issued; live allocations of it end within a second',
          operationId: 'revokeKey',
          tags: ['keys'],
          params: Type.Object({
            id: Type.String({ minLength: 1, description: 'The part of the key before the dot.' }),
          }),
          response: { 204: Type.Null(), 404: ErrorBody, 503: ErrorBody },
        },
      },
      async ({ params: { id } }, reply) => {
        if (!(await keys.revoke(id))) throw new ApiError('not_found', 'There is no API key of this id.');
        return reply.code(204).send(null);
      },
    );
  };
}

function present({ id, name, scopes, limits = {}, createdAt }: StoredApiKey): Static<typeof Key> {
  return { id, name, scopes: [...scopes], limits, createdAt: new Date(createdAt * 1000).toISOString() };
}
