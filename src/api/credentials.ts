import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { iceServers } from '../credentials/ice-servers.ts';
import { maxLabelBytes, maxUserBytes } from '../credentials/issue.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ErrorBody } from './errors.ts';
import { issue } from './issuing.ts';
import { allowNoBody } from './optional-body.ts';

const CredentialRequestBody = Type.Object(
  {
    user: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: maxUserBytes,
        description: 'Whom quotas count; random when left out. The prefix of the key is put before it.',
      }),
    ),
    label: Type.Optional(
      Type.String({ minLength: 1, maxLength: maxLabelBytes, description: 'What the credential is for.' }),
    ),
    ttlSeconds: Type.Optional(Type.Integer({ minimum: 1, description: 'How long the credential is good for.' })),
  },
  { additionalProperties: false },
);

/** An entry of `iceServers`. */
export const IceServer = Type.Object({
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
        config: { scope: 'issue', audit: { action: 'credential-issued' } },
        schema: {
          summary: 'Issue a time-limited credential',
          operationId: 'issueCredential',
          tags: ['credentials'],
          body: CredentialRequestBody,
          response: { 201: CredentialAnswer, 400: ErrorBody, 403: ErrorBody, 503: ErrorBody },
        },
        preValidation: allowNoBody,
      },
      async (request, reply) => {
        const credential = issue(dependencies, request, request.body);
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
