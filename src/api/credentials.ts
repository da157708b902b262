import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { iceServers } from '../credentials/ice-servers.ts';
import { maxLabelBytes, maxUserBytes } from '../credentials/issue.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const CredentialRequestBody = Type.Object(
  {
    user: Type.Optional(
      Type.String({ minLength: 1, maxLength: maxUserBytes, description: 'Whom quotas count; random when left out.' }),
    ),
    label: Type.Optional(
      Type.String({ minLength: 1, maxLength: maxLabelBytes, description: 'What the credential is for.' }),
    ),
    ttlSeconds: Type.Optional(Type.Integer({ minimum: 1, description: 'How long the credential is good for.' })),
  },
  { additionalProperties: false },
);

const IceServer = Type.Object({
  urls: Type.Array(Type.String()),
  username: Type.Optional(Type.String()),
  credential: Type.Optional(Type.String()),
});

const CredentialAnswer = Type.Object({
  iceServers: Type.Array(IceServer, { description: 'For the configuration of an RTCPeerConnection, as it is.' }),
  username: Type.String(),
  credential: Type.String(),
  ttlSeconds: Type.Integer(),
  expiresAt: Type.String({ format: 'date-time' }),
});

/** `POST /v1/credentials` */
export function credentialRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/credentials',
      {
        config: { scope: 'issue' },
        schema: {
          summary: 'Issue a time-limited credential',
          operationId: 'issueCredential',
          tags: ['credentials'],
          body: CredentialRequestBody,
          response: { 201: CredentialAnswer, 400: ErrorBody },
        },
        // Everything in the body is optional, and so is the body.
        preValidation: async (request) => {
          if (request.body === undefined || request.body === null) request.body = {};
        },
      },
      async (request, reply) => {
        const issued = dependencies.issue(request.body);
        if (!issued.ok) throw new ApiError(issued.code, issued.message);
        const { credential } = issued;
        return reply.code(201).send({
          iceServers: iceServers(dependencies.offeredUrls(), credential).map((server) => ({
            ...server,
            urls: [...server.urls],
          })),
          username: credential.username,
          credential: credential.password,
          ttlSeconds: credential.ttlSeconds,
          expiresAt: new Date(credential.expiresAt * 1000).toISOString(),
        });
      },
    );
  };
}
