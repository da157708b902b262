import type { FastifyRequest } from 'fastify';

/** For a route where everything in the body is optional, and so is the body. */
export async function allowNoBody(request: FastifyRequest): Promise<void> {
  if (request.body === undefined || request.body === null) request.body = {};
}
