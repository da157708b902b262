import { randomBytes } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import {
  type DaemonStatus,
  type HttpAnswer,
  type HttpServiceDependencies,
  type ListedUser,
  mayTouch,
  type ReloadOutcome,
  type RevokeResult,
} from '../../src/api/dependencies.ts';
import { createHttpService } from '../../src/api/http-service.ts';
import {
  ApiKeys,
  type ApiScope,
  createApiKey,
  type KeyLimits,
  type StoredApiKey,
} from '../../src/credentials/api-keys.ts';
import { offeredUrls } from '../../src/credentials/ice-servers.ts';
import { issueCredential } from '../../src/credentials/issue.ts';
import { parseTimeLimitedUsername } from '../../src/credentials/time-limited-username.ts';
import { StoreError, type Usage, type UsageQuery } from '../../src/store/store.ts';
import type { AuditEntry } from '../../src/telemetry/audit-log.ts';
import type { SessionQuery, SessionSummary } from '../../src/turn/session-summary.ts';
import { instant, unixSeconds } from '../../src/turn/time.ts';

export const now = unixSeconds(1_700_000_000);
export const sharedSecret = 'a shared secret of ours';
export const plane = { name: 'dgram', why: 'It was configured.', workers: 0 };

/** A key that was made for a test. */
export interface TestKey {
  readonly key: string;
  readonly id: string;
}

/** What the HTTP service needs of a daemon, kept in memory, with the service on top of it. */
export class FakeDaemon {
  readonly apiKeys = new ApiKeys([]);
  readonly storedKeys = new Map<string, StoredApiKey>();
  readonly users = new Map<string, ListedUser>();
  readonly revoked = new Set<string>();
  readonly audited: AuditEntry[] = [];
  readonly answers: HttpAnswer[] = [];
  readonly faults: unknown[] = [];
  readonly usageQueries: UsageQuery[] = [];
  readonly sessionQueries: SessionQuery[] = [];
  sessions: SessionSummary[] = [];
  usage: Usage[] = [];
  reload: ReloadOutcome = { ok: true, applied: [], waiting: [] };
  readiness: { ready: true } | { ready: false; reason: string } = { ready: true };
  metricsFault: Error | undefined;
  drains = 0;
  milliseconds = 0;
  storeIsDown = false;
  revocationsAreFull = false;
  readonly service: FastifyInstance;

  constructor(more: Partial<HttpServiceDependencies> = {}) {
    this.service = createHttpService({ ...this.#dependencies(), ...more });
  }

  /** Makes a key that the service accepts. */
  key(scopes: readonly ApiScope[], limits: KeyLimits = {}): TestKey {
    const { key, stored } = createApiKey({ name: 'test', scopes, limits, now, randomBytes });
    this.#keep(stored);
    return { key, id: stored.id };
  }

  /** Sends a request with a key as bearer. */
  ask(method: NonNullable<InjectOptions['method']>, url: string, key?: TestKey, payload?: InjectOptions['payload']) {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key.key}` };
    return this.service.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  }

  /** Status and code of the error that answers a request. */
  async refusal(...request: Parameters<FakeDaemon['ask']>): Promise<string> {
    const { statusCode, json } = await this.ask(...request);
    return `${statusCode} ${json().error.code}`;
  }

  #keep(stored: StoredApiKey): void {
    this.storedKeys.set(stored.id, stored);
    this.apiKeys.set(stored);
  }

  #store(): void {
    if (this.storeIsDown) throw new StoreError('redis://user:hunter2@192.0.2.1 is gone');
  }

  #dependencies(): HttpServiceDependencies {
    return {
      version: '1.2.3',
      keys: {
        verify: (presented) => this.apiKeys.verify(presented),
        allowsOrigin: (origin) => this.apiKeys.allowsOrigin(origin),
        list: async () => {
          this.#store();
          return [...this.storedKeys.values()];
        },
        create: async (wish) => {
          this.#store();
          const made = createApiKey({ ...wish, now, randomBytes });
          this.#keep(made.stored);
          return made;
        },
        revoke: async (id) => {
          this.#store();
          this.apiKeys.delete(id);
          return this.storedKeys.delete(id);
        },
      },
      credentials: {
        issue: (request, issuer) => {
          if (this.storeIsDown) return { ok: false, code: 'store_unavailable', message: 'The store is gone.' };
          const ttl = { defaultSeconds: 3600, minSeconds: 60, maxSeconds: 86_400 };
          const issued = issueCredential(request, { secret: sharedSecret, ttl, now, randomBytes, issuer });
          if (issued.ok && this.revoked.has(issued.credential.user)) {
            return { ok: false, code: 'user_revoked', message: 'The user is revoked.' };
          }
          return issued;
        },
        revoke: async (username, key) => {
          const parts = parseTimeLimitedUsername(username);
          if (parts === undefined) return 'unknown';
          if (!mayTouch(key, parts.user)) return 'foreign';
          return parts.expiresAt < now ? 'expired' : this.#revoke(username);
        },
        revokeUser: async (user, key) => (mayTouch(key, user) ? this.#revoke(user) : 'foreign'),
        restoreUser: async (user) => {
          this.#store();
          return this.revoked.delete(user);
        },
      },
      users: {
        list: async () => {
          this.#store();
          return [...this.users.values()];
        },
        passwordFault: (password) => (password.length < 8 ? 'it is short' : undefined),
        put: async (name) => {
          this.#store();
          const before = this.users.get(name);
          if (before?.from === 'configuration') return 'configured';
          this.users.set(name, { name, from: 'store', createdAt: now, worksWith: ['md5', 'sha256'] });
          return before === undefined ? 'added' : 'replaced';
        },
        remove: async (name) => {
          this.#store();
          if (this.users.get(name)?.from === 'configuration') return 'configured';
          return this.users.delete(name) ? 'removed' : 'unknown';
        },
      },
      usage: async (query) => {
        this.#store();
        this.usageQueries.push(query);
        return this.usage.slice(0, query.limit);
      },
      audit: (entry) => this.audited.push(entry),
      offeredUrls: () => offeredUrls('turn.example.org', { udp: [3478], tcp: [3478], tls: [] }),
      reload: async () => this.reload,
      status: async () => this.#status(),
      sessions: async (query) => {
        this.sessionQueries.push(query);
        return this.sessions.filter(({ id }) => id > (query.after ?? '')).slice(0, query.limit);
      },
      session: async (id) => this.sessions.find((one) => one.id === id),
      endSession: async (id) => {
        const before = this.sessions.length;
        this.sessions = this.sessions.filter((one) => one.id !== id);
        return this.sessions.length < before;
      },
      drain: () => this.drains++,
      plane: () => plane,
      readiness: () => this.readiness,
      metrics: async () => {
        if (this.metricsFault) throw this.metricsFault;
        return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'allocations 1\n' };
      },
      monotonicNow: () => instant(this.milliseconds),
      trustedProxies: [],
      onAnswer: (answer) => this.answers.push(answer),
      onFault: (error) => this.faults.push(error),
    };
  }

  #revoke(name: string): RevokeResult {
    this.#store();
    if (this.revocationsAreFull) return 'full';
    this.revoked.add(name);
    return 'revoked';
  }

  #status(): DaemonStatus {
    return {
      version: '1.2.3',
      pid: 4711,
      startedAt: now,
      state: 'serving',
      plane,
      urls: ['stun:turn.example.org:3478'],
      allocations: 2,
      users: 1,
      relayed: { packets: 10, bytes: 1200 },
      store: { kind: 'sqlite', available: !this.storeIsDown },
    };
  }
}

/** A live allocation. */
export function session(id: string, more: Partial<SessionSummary> = {}): SessionSummary {
  return {
    id,
    user: 'alice',
    label: undefined,
    client: '192.0.2.7:5000',
    transport: 'udp',
    relayed: ['198.51.100.1:50000', '[2001:db8::1]:50001'],
    createdAt: now,
    expiresAt: unixSeconds(now + 600),
    permissions: 2,
    channels: 1,
    fromClient: { packets: 3, bytes: 480 },
    toClient: { packets: 4, bytes: 640 },
    server: 1,
    ...more,
  };
}
