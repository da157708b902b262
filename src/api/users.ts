import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { isUserName, maxUserNameBytes, userNamePattern } from '../stun/user-name.ts';
import type { HttpServiceDependencies, ListedUser } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';
import { nextPage, pageOf, pageParameters } from './paging.ts';

const Name = Type.String({
  minLength: 1,
  maxLength: maxUserNameBytes,
  pattern: userNamePattern,
  description: `1 to ${maxUserNameBytes} bytes without a colon or control characters.`,
});
const Password = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'Only long-term keys made from it are kept.',
});
const NamedUser = Type.Object({ name: Type.String() });

const User = Type.Object({
  name: Type.String(),
  from: Type.Enum(['configuration', 'store'], { description: 'Users of the configuration can only be changed there.' }),
  createdAt: Type.Optional(
    Type.String({ format: 'date-time', description: 'Left out for those of the configuration.' }),
  ),
  worksWith: Type.Array(Type.Enum(['md5', 'sha256']), {
    description:
      'The password algorithms that the user can log in with today; none when it was made for another realm.',
  }),
});
const UserList = Type.Object({ users: Type.Array(User), next: nextPage });

/** `GET` and `POST /v1/users`, `PUT` and `DELETE /v1/users/{name}`: users with a password that does not expire. */
export function userRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  const { users } = dependencies;
  return async (app) => {
    app.get(
      '/v1/users',
      {
        config: { scope: 'admin', wholeServer: true },
        schema: {
          summary: 'Static users, ordered by name',
          operationId: 'listUsers',
          tags: ['users'],
          querystring: Type.Object(pageParameters, { additionalProperties: false }),
          response: { 200: UserList, 400: ErrorBody, 503: ErrorBody },
        },
      },
      async ({ query }) => {
        const { shown, next } = pageOf(await users.list(), ({ name }) => name, query);
        return { users: shown.map(present), ...(next !== undefined && { next }) };
      },
    );
    app.post(
      '/v1/users',
      {
        config: { scope: 'admin', wholeServer: true, audit: { action: 'user-added' } },
        schema: {
          summary: 'Add a static user, or give one another password',
          operationId: 'addUser',
          tags: ['users'],
          body: Type.Object({ name: Name, password: Password }, { additionalProperties: false }),
          response: { 200: NamedUser, 201: NamedUser, 400: ErrorBody, 409: ErrorBody, 503: ErrorBody },
        },
      },
      async (request, reply) => {
        const { name, password } = request.body;
        request.auditFacts = { subject: name };
        return reply.code((await put(dependencies, name, password)) ? 201 : 200).send({ name });
      },
    );
    app.put(
      '/v1/users/:name',
      {
        config: { scope: 'admin', wholeServer: true, audit: { action: 'user-added', subject: 'name' } },
        schema: {
          summary: 'Add a static user, or give it another password',
          operationId: 'putUser',
          tags: ['users'],
          params: Type.Object({ name: Name }),
          body: Type.Object({ password: Password }, { additionalProperties: false }),
          response: { 200: NamedUser, 201: NamedUser, 400: ErrorBody, 409: ErrorBody, 503: ErrorBody },
        },
      },
      async ({ params: { name }, body: { password } }, reply) =>
        reply.code((await put(dependencies, name, password)) ? 201 : 200).send({ name }),
    );
    app.delete(
      '/v1/users/:name',
      {
        config: { scope: 'admin', wholeServer: true, audit: { action: 'user-removed', subject: 'name' } },
        schema: {
          summary: 'Remove a static user; its live allocations end within a second',
          operationId: 'removeUser',
          tags: ['users'],
          params: Type.Object({ name: Type.String({ minLength: 1, description: 'The name of the user.' }) }),
          response: { 204: Type.Null(), 404: ErrorBody, 409: ErrorBody, 503: ErrorBody },
        },
      },
      async ({ params: { name } }, reply) => {
        const outcome = await users.remove(name);
        if (outcome === 'unknown') throw new ApiError('not_found', 'There is no static user of this name.');
        if (outcome === 'configured') throw configuredUser();
        return reply.code(204).send(null);
      },
    );
  };
}

/** Whether the user is new. */
async function put({ users }: HttpServiceDependencies, name: string, password: string): Promise<boolean> {
  if (!isUserName(name)) {
    throw new ApiError('invalid_user', `The name must have no more than ${maxUserNameBytes} bytes.`);
  }
  const fault = users.passwordFault(password);
  if (fault !== undefined) throw new ApiError('weak_password', `The password is too weak: ${fault}.`);
  const outcome = await users.put(name, password);
  if (outcome === 'configured') throw configuredUser();
  return outcome === 'added';
}

function configuredUser(): ApiError {
  return new ApiError('user_configured', 'This user is in the configuration, and can only be changed there.');
}

function present({ name, from, createdAt, worksWith }: ListedUser): Static<typeof User> {
  return {
    name,
    from,
    ...(createdAt !== undefined && { createdAt: new Date(createdAt * 1000).toISOString() }),
    worksWith: [...worksWith],
  };
}
