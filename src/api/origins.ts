import type { FastifyReply, FastifyRequest } from 'fastify';
import type { VerifiedApiKey } from '../credentials/api-keys.ts';
import type { KeyService } from './dependencies.ts';
import { ApiError } from './errors.ts';

/**
 * Lets pages of the key's origins read the answer, and refuses those of others. What comes without an Origin is no page of a
 * browser; a key that names no origins allows none, and its answers stay unreadable for pages.
 */
export function admitOrigin(request: FastifyRequest, reply: FastifyReply, { limits }: VerifiedApiKey): void {
  const { origins = [] } = limits;
  if (origins.length === 0) return;
  reply.header('vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (!origins.includes(origin)) throw originNotAllowed();
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-expose-headers', 'Retry-After');
}

/** Whether a browser asks what a page may send. */
export function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** Answers a preflight. It carries no key, so all that can be said is whether some key allows the origin. */
export function answerPreflight(
  keys: KeyService,
  methods: readonly string[],
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const origin = request.headers.origin!;
  reply.header('vary', 'Origin');
  if (!keys.allowsOrigin(origin)) throw originNotAllowed();
  return reply
    .headers({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': 'Authorization, Content-Type',
      'access-control-max-age': '600',
    })
    .code(204)
    .send();
}

function originNotAllowed(): ApiError {
  return new ApiError('origin_not_allowed', 'Pages of this origin may not use the API key.');
}
