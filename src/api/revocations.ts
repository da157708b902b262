import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { type HttpServiceDependencies, mayTouch, type RevokeResult } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const UserParameters = Type.Object({
  name: Type.String({
    minLength: 1,
    description: 'The user with the prefix of the key, as sessions and usage show it.',
  }),
});

const refusals = { 403: ErrorBody, 404: ErrorBody, 503: ErrorBody };

/** `DELETE /v1/credentials/{username}`, `POST /v1/users/{name}/revoke` and `…/restore` */
export function revocationRoutes({ credentials }: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.delete(
      '/v1/credentials/:username',
      {
        config: { scope: 'revoke', audit: { action: 'credential-revoked', subject: 'username' } },
        schema: {
          summary:
            'Revoke a credential; its live allocations end within a second. One that has expired counts as revoked',
          operationId: 'revokeCredential',
          tags: ['credentials'],
          params: Type.Object({
            username: Type.String({
              minLength: 1,
              description: 'As it was issued, escaped as a part of a URL: # is %23.',
            }),
          }),
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        const result = await credentials.revoke(request.params.username, request.apiKey!);
        refuseUnlessRevoked(result, 'No credential of this server has this username; is its # written as %23?');
        return reply.code(204).send(null);
      },
    );
    app.post(
      '/v1/users/:name/revoke',
      {
        config: { scope: 'revoke', audit: { action: 'user-revoked', subject: 'name' } },
        schema: {
          summary: 'Revoke all credentials of a user, and issue no more to it until it is restored',
          operationId: 'revokeUser',
          tags: ['credentials'],
          params: UserParameters,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        const result = await credentials.revokeUser(request.params.name, request.apiKey!);
        refuseUnlessRevoked(result, 'No user can have this name.');
        return reply.code(204).send(null);
      },
    );
    app.post(
      '/v1/users/:name/restore',
      {
        config: { scope: 'revoke', audit: { action: 'user-restored', subject: 'name' } },
        schema: {
          summary: 'Take the revocation of a user back; its credentials that have not expired are good again',
          operationId: 'restoreUser',
          tags: ['credentials'],
          params: UserParameters,
          response: { 204: Type.Null(), ...refusals },
        },
      },
      async (request, reply) => {
        const { name } = request.params;
        if (!mayTouch(request.apiKey!, name)) throw foreignUser();
        if (!(await credentials.restoreUser(name, request.apiKey!))) {
          throw new ApiError('not_found', 'This user is not revoked.');
        }
        return reply.code(204).send(null);
      },
    );
  };
}

/**
 * Turns what is not revoked into an error.
 *
 * @param unknown what to say when there is no such thing
 */
export function refuseUnlessRevoked(result: RevokeResult, unknown: string): void {
  if (result === 'unknown') throw new ApiError('not_found', unknown);
  if (result === 'foreign') throw foreignUser();
  if (result === 'full') {
    throw new ApiError('revocations_full', 'As many revocations are remembered as the configuration allows.');
  }
}

function foreignUser(): ApiError {
  return new ApiError('foreign_user', 'The user does not have the prefix of the API key, so it is not yours.');
}
