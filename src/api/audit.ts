import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from '../telemetry/audit-log.ts';
import { clientAddress } from './client-address.ts';

/** What a handler adds to the audit log. */
export type AuditFacts = Pick<AuditEntry, 'subject' | 'details'>;

const maxSubject = 512;

/**
 * What the audit log says about a request that has been decided; `undefined` when it says nothing. Requests without a valid
 * key are not in it, nor those over the limit of their key: nobody is to fill it at will.
 */
export function auditEntry(request: FastifyRequest): AuditEntry | undefined {
  const { audit } = request.routeOptions.config ?? {};
  if (audit === undefined || request.apiKey === undefined || request.refusedWith === 'rate_limited') return undefined;
  const parameters = request.params as Readonly<Record<string, string>> | undefined;
  const subject = request.auditFacts?.subject ?? (audit.subject && parameters?.[audit.subject]);
  const details = request.auditFacts?.details;
  return {
    action: audit.action,
    by: request.apiKey.id,
    via: 'http',
    from: clientAddress(request),
    ...(subject !== undefined && { subject: subject.slice(0, maxSubject) }),
    ...(details && { details }),
    ...(request.refusedWith && { refused: request.refusedWith }),
  };
}
