import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifySchema, RouteOptions } from 'fastify';
import { ErrorBody, type ErrorShape, ownErrorShape } from './errors.ts';
import { bearer } from './key-source.ts';

type JsonObject = Record<string, unknown>;

/** `GET /openapi.json`: the description of every route, from the schemas that the routes themselves check with. */
export function openApiRoutes(version: string, routes: readonly RouteOptions[]): FastifyPluginAsyncTypebox {
  return async (app) => {
    let document: string | undefined;
    app.get(
      '/openapi.json',
      { schema: { summary: 'This description', operationId: 'openApi', tags: ['description'] } },
      async (_request, reply) => {
        document ??= JSON.stringify(openApiDocument(version, routes));
        return reply.type('application/json; charset=utf-8').send(document);
      },
    );
  };
}

/** Describes routes in OpenAPI 3.1, whose schemas are plain JSON schemas. */
export function openApiDocument(version: string, routes: readonly RouteOptions[]): JsonObject {
  const paths = new Map<string, JsonObject>();
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}');
    for (const method of [route.method].flat()) {
      // Fastify adds HEAD to every GET by itself.
      if (method === 'HEAD') continue;
      paths.set(path, { ...paths.get(path), [method.toLowerCase()]: operation(route) });
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'taciturn',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description: 'Credentials, keys, users, sessions, usage, health and metrics of a STUN/TURN server.',
    },
    paths: Object.fromEntries(paths),
    components: {
      schemas: { Error: ErrorBody },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
        basic: { type: 'http', scheme: 'basic', description: 'The id of an API key as user, its secret as password.' },
        keyParameter: { type: 'apiKey', in: 'query', name: 'key', description: 'An API key, for turn-rest callers.' },
      },
    },
  };
}

function operation(route: RouteOptions): JsonObject {
  const schema: FastifySchema = route.schema ?? {};
  const { scope, keySource = bearer, wholeServer, errorShape, bodyTypes = ['application/json'] } = route.config ?? {};
  const tenants = wholeServer === true ? ' that has no prefix for its users' : '';
  return {
    summary: schema.summary,
    operationId: schema.operationId,
    tags: schema.tags,
    ...(scope ? { description: `Needs a key with the scope \`${scope}\`${tenants}.` } : {}),
    security: scope ? keySource.schemes.map((scheme) => ({ [scheme]: [] })) : [],
    parameters: parameters(schema),
    ...requestBody(schema, bodyTypes),
    responses: { ...responses(schema), default: errorShape ? shapedError(errorShape) : errorResponse },
  };
}

const errorResponse = {
  description: 'Any error',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

function shapedError({ schema }: ErrorShape): JsonObject {
  return { description: 'Any error', content: { 'application/json': { schema } } };
}

function parameters(schema: FastifySchema): JsonObject[] {
  return (
    [
      ['query', schema.querystring],
      ['path', schema.params],
    ] as const
  ).flatMap(([place, object]) => {
    const { properties = {}, required = [] } = (object ?? {}) as { properties?: JsonObject; required?: string[] };
    return Object.entries(properties).map(([name, value]) => ({
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      description: (value as JsonObject).description,
      schema: value,
    }));
  });
}

function requestBody(schema: FastifySchema, types: readonly string[]): JsonObject {
  if (!schema.body) return {};
  const { required = [] } = schema.body as { required?: string[] };
  const content = Object.fromEntries(types.map((type) => [type, { schema: schema.body }]));
  return { requestBody: { required: required.length > 0, content } };
}

function responses(schema: FastifySchema): JsonObject {
  const described = Object.entries((schema.response ?? { 200: {} }) as Record<string, JsonObject>);
  return Object.fromEntries(
    described.map(([status, body]) => {
      if (body === (ownErrorShape.schema as unknown)) return [status, errorResponse];
      if (body.type === 'null') return [status, { description: 'Success' }];
      const content = body.content ?? { 'application/json': { schema: body } };
      return [status, { description: 'Success', content }];
    }),
  );
}
