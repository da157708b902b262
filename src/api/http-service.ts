import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify';
import { auditEntry } from './audit.ts';
import { createAuthorize } from './authorization.ts';
import { clientAddress, trustedProxy } from './client-address.ts';
import { cloudflareRoutes } from './cloudflare.ts';
import { credentialRoutes } from './credentials.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { drainRoutes } from './drain.ts';
import { ApiError, ownErrorShape, toApiError } from './errors.ts';
import { healthRoutes } from './health.ts';
import { bearer } from './key-source.ts';
import { keyRoutes } from './keys.ts';
import { metricsRoutes } from './metrics.ts';
import { openApiRoutes } from './openapi.ts';
import { answerPreflight, isPreflight } from './origins.ts';
import { allowedMethods, answerConnectionError } from './refusals.ts';
import { reloadRoutes } from './reload.ts';
import { revocationRoutes } from './revocations.ts';
import { sessionRoutes } from './sessions.ts';
import { statusRoutes } from './status.ts';
import { turnRestRoutes } from './turn-rest.ts';
import { twilioRoutes } from './twilio.ts';
import { usageRoutes } from './usage.ts';
import { userRoutes } from './users.ts';

/**
 * Builds the HTTP service. It does not listen yet: call `listen()` on what is returned, and `close()` to end it.
 *
 * @example
 * const service = createHttpService(dependencies);
 * await service.listen({ host: '127.0.0.1', port: 8080 });
 */
export function createHttpService(dependencies: HttpServiceDependencies): FastifyInstance {
  const { tls, trustedProxies } = dependencies;
  const options = {
    logger: false,
    // Forwarded headers can be forged by whoever connects.
    trustProxy: trustedProxies.length > 0 && trustedProxy(trustedProxies),
    bodyLimit: 4096,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 5_000,
    // The longest username of a credential, with each byte escaped.
    routerOptions: { maxParamLength: 1024 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    clientErrorHandler: answerConnectionError,
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      answerError(dependencies, error, request, reply),
  } as const;
  const https = tls && { cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 };
  const app = fastify({
    ...options,
    ...(https && { https }),
  } as typeof options).withTypeProvider<TypeBoxTypeProvider>();
  const authorize = createAuthorize(dependencies);
  const routes: RouteOptions[] = [];

  app.decorateRequest('apiKey', undefined);
  app.decorateRequest('auditFacts', undefined);
  app.decorateRequest('refusedWith', undefined);
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  // Before the body is read: a request without a valid key gets nothing parsed.
  app.addHook('onRequest', async (request, reply) => {
    const { scope, ownKeyCheck, keySource = bearer } = request.routeOptions.config ?? {};
    if (scope !== undefined && ownKeyCheck !== true) authorize(request, reply, keySource.presented(request), scope);
    // Many clients name a content type even when they send nothing; a route that wants no body does not mind.
    if (request.routeOptions.schema?.body === undefined && isBodyless(request)) delete request.headers['content-type'];
  });
  app.addHook('onSend', async (request, reply) => {
    const entry = auditEntry(request);
    if (entry !== undefined) dependencies.audit(entry);
    reply.headers(safeHeaders);
  });
  app.addHook('onResponse', async (request, reply) => {
    dependencies.onAnswer?.({
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      client: clientAddress(request),
      keyId: request.apiKey?.id,
      milliseconds: reply.elapsedTime,
    });
  });
  app.setErrorHandler((error, request, reply) => answerError(dependencies, error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const methods = allowedMethods(routes, request.url);
    if (methods.length === 0) throw new ApiError('not_found', 'There is nothing at this path.');
    if (isPreflight(request)) return answerPreflight(dependencies.keys, methods, request, reply);
    reply.header('allow', methods.join(', '));
    throw new ApiError('method_not_allowed', `This path takes ${methods.join(', ')}.`);
  });

  app.register(credentialRoutes(dependencies));
  app.register(revocationRoutes(dependencies));
  app.register(turnRestRoutes(dependencies, authorize));
  app.register(cloudflareRoutes(dependencies));
  app.register(twilioRoutes(dependencies));
  app.register(keyRoutes(dependencies));
  app.register(userRoutes(dependencies));
  app.register(usageRoutes(dependencies));
  app.register(statusRoutes(dependencies));
  app.register(sessionRoutes(dependencies));
  app.register(reloadRoutes(dependencies));
  app.register(drainRoutes(dependencies));
  app.register(healthRoutes(dependencies));
  app.register(metricsRoutes(dependencies));
  app.register(openApiRoutes(dependencies.version, routes));
  return app as unknown as FastifyInstance;
}

// Most answers hold something that is nobody else's business, and no answer is good for long.
const safeHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function isBodyless({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
}

function answerError(
  dependencies: HttpServiceDependencies,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const answer = toApiError(error);
  if (answer.code === 'internal') dependencies.onFault?.(error);
  request.refusedWith = answer.code;
  const { errorShape = ownErrorShape } = request.routeOptions?.config ?? {};
  // A URL that cannot be read is answered without any hook.
  reply.code(answer.statusCode).headers(safeHeaders).headers(answer.headers).send(errorShape.body(answer));
}
