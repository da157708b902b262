import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { turnUrls } from '../credentials/ice-servers.ts';
import type { Authorize } from './authorization.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';
import { formType, takeForms } from './form-body.ts';
import { issue } from './issuing.ts';
import { bearerKey, bearerOrParameter } from './key-source.ts';
import { allowNoBody } from './optional-body.ts';

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
  response: { 200: TurnRestAnswer, 400: ErrorBody, 403: ErrorBody, 503: ErrorBody },
};
const config = {
  scope: 'issue',
  ownKeyCheck: true,
  keySource: bearerOrParameter,
  bodyTypes: [formType, 'application/json'],
  audit: { action: 'credential-issued' },
} as const;

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
    authorize(request, reply, bearerKey(request) ?? key ?? api, 'issue');
    // Some callers send the parameter without a value when they have no user.
    const credential = issue(dependencies, request, { user: username === '' ? undefined : username });
    const uris = [...turnUrls(dependencies.offeredUrls())];
    return reply.send({
      username: credential.username,
      password: credential.password,
      ttl: credential.ttlSeconds,
      uris,
    });
  };
  return async (app) => {
    takeForms(app);
    app.get('/', { config, schema: { ...schema, operationId: 'turnRestGet' } }, async (request, reply) =>
      answer(request, reply, request.query),
    );
    app.post(
      '/',
      {
        config,
        schema: { ...schema, operationId: 'turnRestPost', body: TurnRestParameters },
        preValidation: allowNoBody,
      },
      async (request, reply) => answer(request, reply, merge(request.query, request.body)),
    );
  };
}

function merge(query: TurnRestParameters, body: TurnRestParameters): TurnRestParameters {
  for (const name of Object.keys(body) as (keyof TurnRestParameters)[]) {
    if (query[name] !== undefined && query[name] !== body[name]) {
      throw new ApiError('invalid_request', `The parameter ${name} is in the query and in the body, and they differ.`);
    }
  }
  return { ...query, ...body };
}
