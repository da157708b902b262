import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Access } from '../access/access.ts';
import { AdmissionDesk } from '../access/admission-desk.ts';
import { Accounting } from '../accounting/accounting.ts';
import type { CredentialService, DaemonStatus, KeyService, UserService } from '../api/dependencies.ts';
import { systemClock } from '../client/clock.ts';
import { minimumPasswordBytes, secretFault } from '../config/secret-strength.ts';
import type { Configuration } from '../config/settings.ts';
import { openStore } from '../store/open-store.ts';
import { type Store, type StoredUser, StoreError, type Usage, type UsageQuery } from '../store/store.ts';
import { type AuditEntry, AuditLog } from '../telemetry/audit-log.ts';
import type { EventRecord } from '../telemetry/event-record.ts';
import type { Log } from '../telemetry/log.ts';
import type { ServiceSources } from '../telemetry/service-metrics.ts';
import type { AdmissionCandidate } from '../turn/admission.ts';
import { portCount } from '../turn/shared/port-table.ts';
import { graceSeconds } from './credential-grace.ts';
import { OutwardServices } from './outward-services.ts';
import type { ServerSettings } from './server-options.ts';
import { StartError } from './start-error.ts';
import { readTime } from './system-time.ts';
import type { TurnServers } from './turn-servers.ts';

const COLLECT_USAGE_MS = 1000;
const FLUSH_USAGE_MS = 2000;
/** Well within the time after which other daemons take this one for gone. */
const RENEW_QUOTAS_MS = 4000;
const PRUNE_MS = 3_600_000;

/**
 * Everything that is decided beside relaying: who may allocate, what was revoked, how much was used, and who is told. It keeps
 * the store and the TURN servers in step; the servers go on without it when the store is away.
 */
export class ControlPlane {
  readonly #log: Log;
  readonly #store: Store;
  readonly #outward: OutwardServices;
  readonly #audit: AuditLog | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #access!: Access;
  #accounting!: Accounting;
  #desk!: AdmissionDesk;
  #configuration: Configuration;
  #sharedSecrets: readonly string[];
  #servers: TurnServers | undefined;
  #available = true;
  /** Usage could not be stored when that was tried last. */
  #usageWaits = false;

  private constructor(configuration: Configuration, sharedSecrets: readonly string[], store: Store, log: Log) {
    this.#configuration = configuration;
    this.#sharedSecrets = sharedSecrets;
    this.#store = store;
    this.#log = log;
    this.#outward = new OutwardServices(configuration, log);
    const { audit, dataDir } = configuration;
    this.#audit = audit.enabled
      ? new AuditLog(audit.file ?? join(dataDir, 'audit.jsonl'), { log, clock: systemClock })
      : undefined;
  }

  /**
   * Opens the store and reads what is in it.
   *
   * @throws StartError, DataDirectoryError
   */
  static async open(configuration: Configuration, sharedSecrets: readonly string[], log: Log): Promise<ControlPlane> {
    const { dataDir, store: settings } = configuration;
    let plane: ControlPlane | undefined;
    try {
      const store = await openStore({ dataDir, redis: settings.redis, redisPrefix: settings.redisPrefix });
      plane = new ControlPlane(configuration, sharedSecrets, store, log);
      await plane.#open();
      return plane;
    } catch (error) {
      await plane?.forgetAdminApiKey().catch(() => {});
      await plane?.close();
      if (error instanceof StoreError) throw new StartError(`The store cannot be had: ${error.message}`);
      throw error;
    }
  }

  async #open(): Promise<void> {
    const store = this.#store;
    const now = () => readTime().unix;
    this.#access = await Access.open(
      store,
      {
        dataDir: this.#configuration.dataDir,
        realm: this.#configuration.realm,
        ttl: () => this.#configuration.credentials.ttl,
        graceSeconds: () => graceSeconds(this.#configuration),
        secrets: () => this.#sharedSecrets,
        configuredUsers: () => this.#configuration.authentication.users,
        maxRevocations: this.#configuration.store.maxRevocations,
        passwordFault: (password) => secretFault(password, minimumPasswordBytes),
        isOverBudget: (key, limits) => this.#accounting.isOverBudget(key, limits),
        now,
        randomBytes,
      },
      {
        usersChanged: () => this.#configureServers(),
        userRevoked: (name) => this.#endUser(name),
        revoked: ({ kind, name }) => {
          this.#setAdmission();
          this.#servers?.command({ kind: 'end', whose: kind, name, reason: 'revoked' });
        },
        availabilityChanged: (is, why) => this.#availabilityChanged(is, why),
        trouble: (what, why) => this.#log.warn({ event: what }, why),
      },
    );
    this.#accounting = await Accounting.open(
      store,
      { limitsOf: (key) => this.#access.limitsOf(key), now },
      {
        budgetReached: (key, period, bytes) => {
          const facts = { event: 'budget-reached', key, period, bytes };
          this.#log.warn(facts, `the API key ${key} has used up its bytes of the ${period}`);
          this.#outward.tell({ kind: 'budget-reached', key, period, bytes });
        },
        endKey: (key) => this.#servers?.command({ kind: 'end', whose: 'key', name: key, reason: 'over-budget' }),
      },
      this.#access.keysWithBudget(),
    );
    this.#desk = new AdmissionDesk({
      isRevoked: (credential) => this.#access.isRevoked(credential),
      limitsOf: (key) => this.#access.limitsOf(key),
      isOverBudget: (key, limits) => this.#accounting.isOverBudget(key, limits),
      ask: (candidate) => this.#outward.ask(candidate),
      whenUnavailable: () => this.#configuration.admission.whenUnavailable,
      quotas: store.sharedQuotas,
      allocationsPerUser: () => this.#configuration.limits.allocationsPerUser,
      mostAllocations: 2 * portCount(this.#configuration.relay.ports),
    });
  }

  // For the daemon

  /** What the servers are configured by. */
  get settings(): ServerSettings {
    const [configuration, sharedSecrets] = [this.#configuration, this.#sharedSecrets];
    return { configuration, sharedSecrets, users: this.#storedUsers };
  }

  /** The admin key that was made just now, because there was none. */
  get adminApiKey(): string | undefined {
    return this.#access.firstKey?.key;
  }

  /** Takes back a first key that could not be shown, because the start has failed. */
  async forgetAdminApiKey(): Promise<void> {
    await this.#access?.forgetFirstKey();
  }

  /** Keeps these servers in step from now on. */
  attach(servers: TurnServers): void {
    this.#servers = servers;
    this.#setAdmission();
    // What changed while they started.
    this.#configureServers();
    this.#every(COLLECT_USAGE_MS, () => this.collectUsage());
    this.#every(FLUSH_USAGE_MS, () => this.#flushUsage());
    // A daemon that never runs for an hour forgets as well.
    this.#every(PRUNE_MS, () => this.#prune(), 'and now');
    const { sharedQuotas } = this.#store;
    if (sharedQuotas !== undefined) this.#every(RENEW_QUOTAS_MS, () => sharedQuotas.renew(this.#desk.held()));
  }

  /** Something happened at one of the servers. */
  event(event: EventRecord): void {
    if (event.kind === 'admission-unused') this.#desk.unused(event.id);
    else if (event.kind === 'allocation-ended') this.#desk.ended(event.allocation.id);
    if (event.kind === 'allocation-created' || event.kind === 'allocation-ended') this.#outward.tell(event);
  }

  /** A server asks about an allocation. */
  ask(candidate: AdmissionCandidate, server: number): void {
    void this.#desk
      .decide(candidate, server)
      .catch((error: unknown) => {
        this.#log.error({ event: 'admission-fault', error: String(error) }, 'deciding about an allocation has a fault');
        return 'denied' as const;
      })
      .then((verdict) => this.#servers?.answer(server, candidate.id, verdict));
  }

  /** A server and all its allocations are gone. */
  serverDied(server: number): void {
    this.#desk.serverDied(server);
  }

  /** Goes on with another configuration and other secrets. */
  configure(configuration: Configuration, sharedSecrets: readonly string[]): void {
    const before = this.#configuration;
    this.#configuration = configuration;
    this.#sharedSecrets = sharedSecrets;
    this.#outward.configure(configuration);
    this.#setAdmission();
    this.#configureServers();
    const { users } = configuration.authentication;
    for (const { name, password } of before.authentication.users) {
      if (users.find((user) => user.name === name)?.password !== password) this.#endUser(name);
    }
  }

  /** Opens the audit log anew, after it has been moved away. */
  reopenLogs(): void {
    this.#audit?.reopen();
  }

  /** Collects what the servers have counted. */
  async collectUsage(): Promise<void> {
    const deltas = await this.#servers?.takeUsage();
    if (deltas !== undefined && deltas.length > 0) this.#accounting.add(deltas, readTime().unix);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#accounting?.flush().catch((error: Error) => {
      const facts = { event: 'usage-lost', rows: this.#accounting.pendingRows, why: error.message };
      this.#log.error(facts, `what was relayed last is not counted, because usage cannot be stored: ${error.message}`);
    });
    await this.#access?.close();
    await this.#outward.close();
    await this.#audit?.close();
    await this.#store.close();
  }

  // For the HTTP service

  get keys(): KeyService {
    return this.#access.keys;
  }

  get credentials(): CredentialService {
    return this.#access.credentials;
  }

  get users(): UserService {
    return this.#access.users;
  }

  get storeStatus(): DaemonStatus['store'] {
    return { kind: this.#store.kind, available: this.#access.available };
  }

  async usage(query: UsageQuery): Promise<readonly Usage[]> {
    await this.collectUsage();
    return this.#accounting.usage(query);
  }

  audit(entry: AuditEntry): void {
    this.#audit?.write({ at: readTime().unix, ...entry });
  }

  // For the metrics

  get metricSources(): ServiceSources {
    const sizes = () => this.#access.sizes;
    return {
      storeAvailable: () => this.#access.available,
      apiKeys: () => sizes().keys,
      staticUsers: () => sizes().users + this.#configuration.authentication.users.length,
      revocations: () => sizes().revocations,
      usagePendingRows: () => this.#accounting.pendingRows,
      usageFlushFailures: () => this.#accounting.flushFailures,
      admissions: () => this.#desk.verdicts,
      admissionCallback: () => this.#outward.callbackFigures,
      webhooks: () => this.#outward.webhookFigures,
      auditLost: () => this.#audit?.lost ?? 0,
    };
  }

  get #storedUsers(): readonly StoredUser[] {
    return this.#access.storedUsers;
  }

  /** Servers ask about every allocation where anything besides their own tables decides. */
  #setAdmission(): void {
    const revoked = this.#access !== undefined && this.#access.sizes.revocations > 0;
    const all = this.#outward.isAsked || this.#store.sharedQuotas !== undefined || revoked;
    this.#servers?.command({ kind: 'set-admission', mode: all ? 'all' : 'issued' });
  }

  #configureServers(): void {
    this.#servers?.command({ kind: 'configure', settings: this.settings });
  }

  /** Ends the allocations of a static user that is no more, or has another password. */
  #endUser(name: string): void {
    this.#servers?.command({ kind: 'end', whose: 'static-user', name, reason: 'revoked' });
  }

  #availabilityChanged(available: boolean, why: string | undefined): void {
    if (available === this.#available) return;
    this.#available = available;
    const facts = { event: available ? 'store-available' : 'store-unavailable', store: this.#store.kind, why };
    if (available) this.#log.info(facts, 'the store is there again');
    else this.#log.error(facts, `the store cannot be had: ${why}; what runs goes on, and nothing is issued`);
  }

  /** Writing may fail where reading does not, as on a full disk. */
  async #flushUsage(): Promise<void> {
    try {
      await this.#accounting.flush();
      if (!this.#usageWaits) return;
      this.#usageWaits = false;
      this.#log.info({ event: 'usage-stored' }, 'usage is stored again, with what has waited');
    } catch (error) {
      if (error instanceof StoreError && !this.#usageWaits) {
        this.#usageWaits = true;
        const facts = { event: 'usage-waits', why: error.message };
        this.#log.warn(facts, `usage cannot be stored: ${error.message} It waits in memory, and is tried again`);
      }
      throw error;
    }
  }

  async #prune(): Promise<void> {
    const now = readTime().unix;
    const oldest = new Date((now - this.#configuration.store.keepUsageSeconds) * 1000).toISOString().slice(0, 10);
    await this.#store.prune(now, oldest);
    this.#setAdmission();
  }

  /** What fails because the store is away is tried again the next time. */
  #every(milliseconds: number, action: () => Promise<void>, first?: 'and now'): void {
    let busy = false;
    const act = () => {
      if (busy) return;
      busy = true;
      void action()
        .catch((error: unknown) => {
          if (!(error instanceof StoreError))
            this.#log.error({ event: 'fault', error: String(error) }, 'a fault of taciturn');
        })
        .finally(() => {
          busy = false;
        });
    };
    this.#timers.push(setInterval(act, milliseconds).unref());
    if (first !== undefined) act();
  }
}
