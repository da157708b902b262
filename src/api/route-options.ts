import type { ApiScope, VerifiedApiKey } from '../credentials/api-keys.ts';
import type { AuditAction } from '../telemetry/audit-log.ts';
import type { AuditFacts } from './audit.ts';
import type { ErrorCode, ErrorShape } from './errors.ts';
import type { KeySource } from './key-source.ts';

declare module 'fastify' {
  interface FastifyRequest {
    apiKey: VerifiedApiKey | undefined;
    /** What the audit log says beside who asked for what. */
    auditFacts: AuditFacts | undefined;
    /** The code of the error that is the answer. */
    refusedWith: ErrorCode | undefined;
  }
  interface FastifyContextConfig {
    /** The scope that the route's key needs; without one the route takes no key. */
    scope?: ApiScope;
    /** Where the key is; in an `Authorization: Bearer` header when left out. */
    keySource?: KeySource;
    /** The handler checks the key, which may be in the body. */
    ownKeyCheck?: boolean;
    /** It concerns the whole server, so a key with a prefix for its users may not. */
    wholeServer?: boolean;
    /** What the audit log calls it, and which parameter of the path names what it is done to. */
    audit?: { readonly action: AuditAction; readonly subject?: string };
    /** How errors are written; as ours when left out. */
    errorShape?: ErrorShape;
    /** Media types of the body; JSON when left out. */
    bodyTypes?: readonly string[];
  }
  /** What `/openapi.json` says about a route. */
  interface FastifySchema {
    summary?: string;
    operationId?: string;
    tags?: readonly string[];
  }
}
