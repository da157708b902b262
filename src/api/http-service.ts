import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify';
import { bearerKey, createAuthorize } from './authorization.ts';
import { credentialRoutes } from './credentials.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { drainRoutes } from './drain.ts';
import { ApiError, errorBody, toApiError } from './errors.ts';
import { healthRoutes } from './health.ts';
import { metricsRoutes } from './metrics.ts';
import { openApiRoutes } from './openapi.ts';
import { allowedMethods, answerConnectionError } from './refusals.ts';
import { reloadRoutes } from './reload.ts';
import { sessionRoutes } from './sessions.ts';
import { turnRestRoutes } from './turn-rest.ts';

/**
 * Builds the HTTP service. It does not listen yet: call `listen()` on what is returned, and `close()` to end it.
 *
 * @example
 * const service = createHttpService(dependencies);
 * await service.listen({ host: '127.0.0.1', port: 8080 });
 */
export function createHttpService(dependencies: HttpServiceDependencies): FastifyInstance {
  const app = fastify({
    logger: false,
    // Forwarded headers can be forged by whoever connects.
    trustProxy: false,
    bodyLimit: 4096,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 5_000,
    routerOptions: { maxParamLength: 512 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    clientErrorHandler: answerConnectionError,
    frameworkErrors: (error, request, reply) => answerError(dependencies, error, request, reply),
  }).withTypeProvider<TypeBoxTypeProvider>();
  const authorize = createAuthorize(dependencies);
  const routes: RouteOptions[] = [];

  app.decorateRequest('apiKey', undefined);
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  // Before the body is read: a request without a valid key gets nothing parsed.
  app.addHook('onRequest', async (request) => {
    const { scope, ownKeyCheck } = request.routeOptions.config ?? {};
    if (scope !== undefined && ownKeyCheck !== true) authorize(request, bearerKey(request), scope);
    // Many clients name a content type even when they send nothing; a route that wants no body does not mind.
    if (request.routeOptions.schema?.body === undefined && isBodyless(request)) delete request.headers['content-type'];
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    dependencies.onAnswer?.({
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      client: request.ip,
      keyId: request.apiKey?.id,
      milliseconds: reply.elapsedTime,
    });
  });
  app.setErrorHandler((error, request, reply) => answerError(dependencies, error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const methods = allowedMethods(routes, request.url);
    if (methods.length === 0) throw new ApiError('not_found', 'There is nothing at this path.');
    reply.header('allow', methods.join(', '));
    throw new ApiError('method_not_allowed', `This path takes ${methods.join(', ')}.`);
  });

  app.register(credentialRoutes(dependencies));
  app.register(turnRestRoutes(dependencies, authorize));
  app.register(sessionRoutes(dependencies));
  app.register(reloadRoutes(dependencies));
  app.register(drainRoutes(dependencies));
  app.register(healthRoutes(dependencies));
  app.register(metricsRoutes(dependencies));
  app.register(openApiRoutes(dependencies.version, routes));
  return app as unknown as FastifyInstance;
}

function isBodyless({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
}

function answerError(
  dependencies: HttpServiceDependencies,
  error: unknown,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const answer = toApiError(error);
  if (answer.code === 'internal') dependencies.onFault?.(error);
  reply.code(answer.statusCode).headers(answer.headers).send(errorBody(answer.code, answer.message));
}
