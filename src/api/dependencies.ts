import type { ApiScope, KeyLimits, StoredApiKey, VerifiedApiKey } from '../credentials/api-keys.ts';
import type { CredentialRequest, IssueResult } from '../credentials/issue.ts';
import type { Usage, UsageQuery } from '../store/store.ts';
import type { AuditEntry } from '../telemetry/audit-log.ts';
import type { SessionQuery, SessionSummary } from '../turn/session-summary.ts';
import type { Instant, UnixSeconds } from '../turn/time.ts';

/**
 * What the HTTP service needs from the daemon. Everything is called anew for each request, so a reload just swaps it. What has
 * to do with the store rejects with a `StoreError` while the store cannot be had.
 */
export interface HttpServiceDependencies {
  readonly version: string;
  readonly keys: KeyService;
  readonly credentials: CredentialService;
  readonly users: UserService;
  /** What was relayed, up to this moment. */
  usage(query: UsageQuery): Promise<readonly Usage[]>;
  /** Writes down who did what. */
  audit(entry: AuditEntry): void;
  /** The `stun:` and `turn:` URLs that this server really offers. */
  offeredUrls(): readonly string[];
  /** Reads the configuration and the certificates anew. */
  reload(): Promise<ReloadOutcome>;
  status(): Promise<DaemonStatus>;
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
  /** Reverse proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** With it the service speaks HTTPS only. PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  /** Called after each answer. It carries the pattern of the route, as the URL may hold a key. */
  onAnswer?(answer: HttpAnswer): void;
  /** Called for a bug of ours; the client has been told nothing about it. */
  onFault?(error: unknown): void;
}

export interface KeyService {
  /** Checks a presented `id.secret`; unknown ids and wrong secrets take the same time. */
  verify(presented: string): VerifiedApiKey | undefined;
  /** Whether a page of this origin may use some key: all that is known when a browser asks beforehand. */
  allowsOrigin(origin: string): boolean;
  list(): Promise<readonly StoredApiKey[]>;
  /** Makes a key; its text is not kept. */
  create(wish: KeyWish): Promise<{ readonly key: string; readonly stored: StoredApiKey }>;
  /** Revokes a key and all that it has issued: live allocations of it end within a second. False when there is none. */
  revoke(id: string): Promise<boolean>;
}

export interface KeyWish {
  readonly name: string;
  readonly scopes: readonly ApiScope[];
  readonly limits: KeyLimits;
}

export interface CredentialService {
  /** Issues a credential within the limits of the key; the user gets the key's prefix. */
  issue(request: CredentialRequest, key: VerifiedApiKey): IssueResult;
  /**
   * Revokes a credential: its live allocations end within a second, on every daemon.
   *
   * @returns `foreign` when it belongs to others than the key's own users (see {@link mayTouch}).
   */
  revoke(username: string, key: VerifiedApiKey): Promise<RevokeResult>;
  /** Revokes all that was issued to a user, and refuses to issue more, for as long as any of it could be valid. */
  revokeUser(user: string, key: VerifiedApiKey): Promise<RevokeResult>;
  /** False when the user is not revoked. */
  restoreUser(user: string, key: VerifiedApiKey): Promise<boolean>;
}

/** `expired`: it is no more valid anyway. `unknown`: no credential of ours has such a name. `full`: too many are remembered. */
export type RevokeResult = 'revoked' | 'expired' | 'unknown' | 'foreign' | 'full';

/** A key with a prefix for its users belongs to a tenant, who sees and ends no more than what is theirs. */
export function mayTouch(key: Pick<VerifiedApiKey, 'limits'>, user: string): boolean {
  return user.startsWith(key.limits.userPrefix ?? '');
}

/** Static users: those of the configuration and those in the store. */
export interface UserService {
  list(): Promise<readonly ListedUser[]>;
  /** Why a password is too weak, without the password; `undefined` when it will do. */
  passwordFault(password: string): string | undefined;
  /** Keeps the long-term keys of a password. `configured`: the name is taken by the configuration. */
  put(name: string, password: string): Promise<'added' | 'replaced' | 'configured'>;
  /** Removes a user; its live allocations end within a second. */
  remove(name: string): Promise<'removed' | 'unknown' | 'configured'>;
}

export interface ListedUser {
  readonly name: string;
  readonly from: 'configuration' | 'store';
  /** Unknown for those of the configuration. */
  readonly createdAt: UnixSeconds | undefined;
  /** False when the keys were made for another realm than today's, or lack the one for SHA-256. */
  readonly worksWith: readonly ('md5' | 'sha256')[];
}

/** The data plane in use. */
export interface PlaneReport {
  readonly name: string;
  /** Why it is this one: one sentence. */
  readonly why: string;
  /** How many threads serve UDP clients beside the main one. */
  readonly workers: number;
}

/** What a reload came to. */
export type ReloadOutcome =
  | {
      readonly ok: true;
      /** Keys of the configuration whose new value is in use. */
      readonly applied: readonly string[];
      /** Those whose new value counts from the next start on. */
      readonly waiting: readonly string[];
      /** Left out when none is configured. */
      readonly certificate?:
        | { readonly kind: 'reloaded' | 'unchanged'; readonly expiresAt: number }
        /** The one from before stays in use. */
        | { readonly kind: 'refused'; readonly why: string; readonly expiresAt: number };
    }
  /** Nothing was changed. Each problem names file, line and key. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** What `taciturn status` shows. */
export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: UnixSeconds;
  readonly state: 'serving' | 'draining' | 'not-listening';
  readonly plane: PlaneReport;
  readonly urls: readonly string[];
  readonly allocations: number;
  readonly users: number;
  /** Payload since the start. */
  readonly relayed: { readonly packets: number; readonly bytes: number };
  readonly store: { readonly kind: 'sqlite' | 'redis'; readonly available: boolean };
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
