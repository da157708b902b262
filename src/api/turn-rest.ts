import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { turnUrls } from '../credentials/ice-servers.ts';
import { type Authorize, bearerKey } from './authorization.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const TurnRestParameters = Type.Object(
  {
    service: Type.Optional(Type.String({ description: 'Must be turn.' })),
    username: Type.Optional(Type.String({ description: 'Whom quotas count; random when left out.' })),
    key: Type.Optional(Type.String({ description: 'The API key, where no Authorization header carries it.' })),
    api: Type.Optional(Type.String({ description: 'The same as key, as Janus writes it.' })),
  },
  { additionalProperties: false },
);
type TurnRestParameters = Static<typeof TurnRestParameters>;

const TurnRestAnswer = Type.Object({
  username: Type.String(),
  password: Type.String(),
  ttl: Type.Integer(),
  uris: Type.Array(Type.String()),
});

const schema = {
  summary: 'Issue a credential as draft-uberti-behave-turn-rest-00 has it',
  tags: ['credentials'],
  querystring: TurnRestParameters,
  response: { 200: TurnRestAnswer, 400: ErrorBody },
};
const config = { scope: 'issue', ownKeyCheck: true } as const;

/** `GET` and `POST /?service=turn`, which Janus and others call; the parameters may be in the query, the body or both. */
export function turnRestRoutes(dependencies: HttpServiceDependencies, authorize: Authorize): FastifyPluginAsyncTypebox {
  const answer = (request: FastifyRequest, reply: FastifyReply, parameters: TurnRestParameters) => {
    const { service, username, key, api } = parameters;
    if (service !== 'turn') {
      throw new ApiError('unsupported_service', 'The only service here is turn: /?service=turn&username=…&key=…');
    }
    if (key !== undefined && api !== undefined && key !== api) {
      throw new ApiError('invalid_request', 'key and api are the same parameter, and here they differ.');
    }
    authorize(request, bearerKey(request) ?? key ?? api, 'issue');
    // Some callers send the parameter without a value when they have no user.
    const issued = dependencies.issue({ user: username === '' ? undefined : username });
    if (!issued.ok) throw new ApiError(issued.code, issued.message);
    const { credential } = issued;
    const uris = [...turnUrls(dependencies.offeredUrls())];
    return reply.send({
      username: credential.username,
      password: credential.password,
      ttl: credential.ttlSeconds,
      uris,
    });
  };
  return async (app) => {
    // Only these routes take forms: the parser stays inside this plugin.
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
      done(null, parseForm(String(body)));
    });
    app.get('/', { config, schema: { ...schema, operationId: 'turnRestGet' } }, async (request, reply) =>
      answer(request, reply, request.query),
    );
    app.post(
      '/',
      {
        config,
        schema: { ...schema, operationId: 'turnRestPost', body: TurnRestParameters },
        preValidation: async (request) => {
          if (request.body === undefined || request.body === null) request.body = {};
        },
      },
      async (request, reply) => answer(request, reply, merge(request.query, request.body)),
    );
  };
}

/** Fields of a form; one that is repeated becomes a list, which the schema then refuses. */
function parseForm(body: string): Record<string, string | string[]> {
  const fields = new URLSearchParams(body);
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const values = fields.getAll(name);
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );
}

function merge(query: TurnRestParameters, body: TurnRestParameters): TurnRestParameters {
  for (const name of Object.keys(body) as (keyof TurnRestParameters)[]) {
    if (query[name] !== undefined && query[name] !== body[name]) {
      throw new ApiError('invalid_request', `The parameter ${name} is in the query and in the body, and they differ.`);
    }
  }
  return { ...query, ...body };
}
