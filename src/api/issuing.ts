import type { FastifyRequest } from 'fastify';
import type { CredentialRequest, IssuedCredential } from '../credentials/issue.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError } from './errors.ts';

/**
 * Issues a credential to whoever has sent a request, whose key has been checked.
 *
 * @throws {ApiError} when it is refused
 */
export function issue(
  { credentials }: HttpServiceDependencies,
  request: FastifyRequest,
  wish: CredentialRequest,
): IssuedCredential {
  const { user, label, ttlSeconds } = wish;
  const wished = { user: user?.slice(0, 128), label: label?.slice(0, 64), ttlSeconds };
  request.auditFacts = { details: given(wished) };
  const issued = credentials.issue(wish, request.apiKey!);
  if (!issued.ok) throw new ApiError(issued.code, issued.message);
  const { credential } = issued;
  request.auditFacts = {
    subject: credential.username,
    details: given({ user: credential.user, label: credential.label, ttlSeconds: credential.ttlSeconds }),
  };
  return credential;
}

function given<T>(facts: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(Object.entries(facts).filter((fact): fact is [string, T] => fact[1] !== undefined));
}
