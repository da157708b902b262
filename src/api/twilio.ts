import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { turnUrls } from '../credentials/ice-servers.ts';
import type { IssuedCredential } from '../credentials/issue.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, type ErrorShape } from './errors.ts';
import { formType, takeForms } from './form-body.ts';
import { issue } from './issuing.ts';
import { basic } from './key-source.ts';
import { allowNoBody } from './optional-body.ts';

const errorShape: ErrorShape = {
  schema: Type.Object(
    { code: Type.Integer(), message: Type.String(), more_info: Type.String(), status: Type.Integer() },
    { description: 'An error, as the API of Twilio writes it.' },
  ),
  body: ({ statusCode: status, message }) => {
    // Twilio puts 20 before the status; only a failed authentication has a number of its own.
    const code = status === 401 ? 20_003 : 20_000 + status;
    return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
  },
};

// The original's field names.
const IceServer = Type.Object({
  url: Type.String(),
  urls: Type.String(),
  username: Type.Optional(Type.String()),
  credential: Type.Optional(Type.String()),
});
const Token = Type.Object({
  account_sid: Type.String(),
  date_created: Type.String({ description: 'As RFC 2822 has it.' }),
  date_updated: Type.String(),
  ice_servers: Type.Array(IceServer),
  password: Type.String(),
  ttl: Type.String({ description: 'Seconds, as text.' }),
  username: Type.String(),
});

const dayInSeconds = 86_400;

/** `POST /2010-04-01/Accounts/{sid}/Tokens.json`: a token of Twilio's Network Traversal Service. */
export function twilioRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    takeForms(app);
    app.post(
      '/2010-04-01/Accounts/:sid/Tokens.json',
      {
        config: {
          scope: 'issue',
          keySource: basic,
          errorShape,
          bodyTypes: [formType],
          audit: { action: 'credential-issued' },
        },
        schema: {
          summary: 'Issue a credential as Twilio does',
          operationId: 'twilioToken',
          tags: ['compatible'],
          params: Type.Object({ sid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Given back.' }) }),
          body: Type.Object(
            {
              Ttl: Type.Optional(
                Type.String({
                  pattern: '^[0-9]{1,9}$',
                  description: 'How many seconds it is good for; a day if possible.',
                }),
              ),
            },
            { additionalProperties: false },
          ),
          response: { 201: Token },
        },
        preValidation: allowNoBody,
      },
      async (request, reply) => {
        const { Ttl } = request.body;
        const credential =
          Ttl === undefined
            ? issueForADay(dependencies, request)
            : issue(dependencies, request, { ttlSeconds: Number(Ttl) });
        return reply.code(201).send(token(request.params.sid, credential, dependencies.offeredUrls()));
      },
    );
  };
}

/** Tokens of the original are good for a day unless told otherwise. Where this server does not allow that, its own default counts. */
function issueForADay(dependencies: HttpServiceDependencies, request: FastifyRequest): IssuedCredential {
  try {
    return issue(dependencies, request, { ttlSeconds: dayInSeconds });
  } catch (error) {
    if (error instanceof ApiError && error.code === 'invalid_ttl') return issue(dependencies, request, {});
    throw error;
  }
}

function token(sid: string, credential: IssuedCredential, urls: readonly string[]) {
  const { username, password, ttlSeconds, expiresAt } = credential;
  const turn = turnUrls(urls);
  const createdAt = new Date((expiresAt - ttlSeconds) * 1000).toUTCString().replace('GMT', '+0000');
  return {
    account_sid: sid,
    date_created: createdAt,
    date_updated: createdAt,
    ice_servers: urls.map((url) => ({
      url,
      urls: url,
      ...(turn.includes(url) && { username, credential: password }),
    })),
    password,
    ttl: String(ttlSeconds),
    username,
  };
}
