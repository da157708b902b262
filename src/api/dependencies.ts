import type { VerifiedApiKey } from '../credentials/api-keys.ts';
import type { CredentialRequest, IssueResult } from '../credentials/issue.ts';
import type { SessionQuery, SessionSummary } from '../turn/session-summary.ts';
import type { Instant } from '../turn/time.ts';

/** What the HTTP service needs from the daemon. Everything is called anew for each request, so a reload just swaps it. */
export interface HttpServiceDependencies {
  readonly version: string;
  readonly apiKeys: { verify(presented: string): VerifiedApiKey | undefined };
  issue(request: CredentialRequest): IssueResult;
  /** The `stun:` and `turn:` URLs that this server really offers. */
  offeredUrls(): readonly string[];
  /** Reads anew what can change while the server runs. */
  reload(): ReloadOutcome;
  /** Live allocations of all servers of the daemon, ordered by id, no more than `query.limit`. */
  sessions(query: SessionQuery): Promise<readonly SessionSummary[]>;
  session(id: string): Promise<SessionSummary | undefined>;
  /** Ends an allocation at once; false when there is none of this id. */
  endSession(id: string): Promise<boolean>;
  /** Refuses new allocations from now on; those that exist go on. */
  drain(): void;
  /** What moves UDP packets. */
  plane(): PlaneReport;
  readiness(): { readonly ready: true } | { readonly ready: false; readonly reason: string };
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  monotonicNow(): Instant;
  /** Called after each answer. It carries the pattern of the route, as the URL may hold a key. */
  onAnswer?(answer: HttpAnswer): void;
  /** Called for a bug of ours; the client has been told nothing about it. */
  onFault?(error: unknown): void;
}

/** The data plane in use. */
export interface PlaneReport {
  readonly name: string;
  /** Why it is this one: one sentence. */
  readonly why: string;
  /** How many threads serve UDP clients beside the main one. */
  readonly workers: number;
}

/** What a reload came to; a part that is not configured is left out. */
export interface ReloadOutcome {
  readonly certificate?:
    | { readonly kind: 'reloaded' | 'unchanged'; readonly expiresAt: number }
    /** The one from before stays in use. */
    | { readonly kind: 'refused'; readonly why: string; readonly expiresAt: number };
}

export interface HttpAnswer {
  readonly method: string;
  /** The pattern, such as `/v1/credentials`; `undefined` when no route fits. */
  readonly route: string | undefined;
  readonly status: number;
  readonly client: string;
  /** The id of the key that was accepted. */
  readonly keyId: string | undefined;
  readonly milliseconds: number;
}
