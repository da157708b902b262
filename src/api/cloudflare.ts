import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { iceServers } from '../credentials/ice-servers.ts';
import { IceServer } from './credentials.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import type { ErrorShape } from './errors.ts';
import { issue } from './issuing.ts';
import { bearerOfPath } from './key-source.ts';
import { allowNoBody } from './optional-body.ts';
import { refuseUnlessRevoked } from './revocations.ts';

const errorShape: ErrorShape = {
  schema: Type.Object(
    {
      success: Type.Literal(false),
      errors: Type.Array(Type.Object({ code: Type.Integer(), message: Type.String() })),
      messages: Type.Array(Type.String()),
      result: Type.Null(),
    },
    { description: 'An error, as the API of Cloudflare writes it.' },
  ),
  body: ({ statusCode, message }) => ({
    success: false,
    // 10000 is what Cloudflare calls an authentication error.
    errors: [{ code: statusCode === 401 ? 10_000 : statusCode, message }],
    messages: [],
    result: null,
  }),
};

const Wish = Type.Object(
  {
    ttl: Type.Optional(Type.Integer({ minimum: 1, description: 'How many seconds the credential is good for.' })),
    customIdentifier: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'The user; usage is told for each. Random when left out.',
      }),
    ),
  },
  { additionalProperties: false },
);
const keyId = Type.String({ description: 'The id of the API key.' });
const KeyParameters = Type.Object({ keyId });
const CredentialParameters = Type.Object({ keyId, username: Type.String({ minLength: 1 }) });

const issuing = {
  scope: 'issue',
  keySource: bearerOfPath,
  errorShape,
  audit: { action: 'credential-issued' },
} as const;
const revoking = {
  scope: 'revoke',
  keySource: bearerOfPath,
  errorShape,
  audit: { action: 'credential-revoked', subject: 'username' },
} as const;

/** `POST /v1/turn/keys/{keyId}/credentials/…`: the routes of Cloudflare's TURN service. */
export function cloudflareRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  const generate = (request: FastifyRequest, { ttl, customIdentifier }: Static<typeof Wish>) =>
    issue(dependencies, request, { user: customIdentifier, ttlSeconds: ttl });
  const revoke = async (request: FastifyRequest, username: string) => {
    request.auditFacts = { subject: username };
    const result = await dependencies.credentials.revoke(username, request.apiKey!);
    refuseUnlessRevoked(result, 'No credential of this server has this username.');
  };
  return async (app) => {
    app.post(
      '/v1/turn/keys/:keyId/credentials/generate-ice-servers',
      {
        config: issuing,
        schema: {
          summary: 'Issue a credential as Cloudflare does',
          operationId: 'cloudflareGenerateIceServers',
          tags: ['compatible'],
          params: KeyParameters,
          body: Wish,
          response: { 201: Type.Object({ iceServers: Type.Array(IceServer) }) },
        },
        preValidation: allowNoBody,
      },
      async (request, reply) => {
        const servers = iceServers(dependencies.offeredUrls(), generate(request, request.body));
        return reply.code(201).send({ iceServers: servers.map((server) => ({ ...server, urls: [...server.urls] })) });
      },
    );
    app.post(
      '/v1/turn/keys/:keyId/credentials/generate',
      {
        config: issuing,
        schema: {
          summary: 'Issue a credential as Cloudflare did at first: iceServers is one object',
          operationId: 'cloudflareGenerate',
          tags: ['compatible'],
          params: KeyParameters,
          body: Wish,
          response: { 201: Type.Object({ iceServers: IceServer }) },
        },
        preValidation: allowNoBody,
      },
      async (request, reply) => {
        const { username, password } = generate(request, request.body);
        const urls = [...dependencies.offeredUrls()];
        return reply.code(201).send({ iceServers: { urls, username, credential: password } });
      },
    );
    app.post(
      '/v1/turn/keys/:keyId/credentials/:username/revoke',
      {
        config: revoking,
        schema: {
          summary: 'Revoke a credential as Cloudflare does',
          operationId: 'cloudflareRevoke',
          tags: ['compatible'],
          params: CredentialParameters,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await revoke(request, request.params.username);
        return reply.code(204).send(null);
      },
    );
    // Usernames of Cloudflare need no escaping, so its clients do not escape them. In ours there is a #, and whatever follows
    // it, `/revoke` too, is never sent. What these routes issue has no label: so what was cut off is known.
    app.post(
      '/v1/turn/keys/:keyId/credentials/:username',
      {
        config: revoking,
        schema: {
          summary: 'The same for clients that do not write the # of a username as %23, and so send no more than this',
          operationId: 'cloudflareRevokeCut',
          tags: ['compatible'],
          params: CredentialParameters,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { keyId, username } = request.params;
        await revoke(request, `${username}##${keyId}`);
        return reply.code(204).send(null);
      },
    );
  };
}
