import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { DaemonStatus, PlaneReport, ReloadOutcome } from '../api/dependencies.ts';
import { changeConfiguration } from '../config/changes.ts';
import type { LoadedConfiguration } from '../config/load-configuration.ts';
import { describeProblem } from '../config/problem.ts';
import type { Configuration } from '../config/settings.ts';
import { type DataDirectory, DataDirectoryError, prepareDataDirectory } from '../credentials/first-start.ts';
import { offeredUrls } from '../credentials/ice-servers.ts';
import { FloodGuard } from '../telemetry/flood-guard.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { SessionLog } from '../telemetry/session-log.ts';
import { systemUser } from '../telemetry/system-user.ts';
import { ClientListeners } from './client-listeners.ts';
import { ControlPlane } from './control-plane.ts';
import type { HttpEndpoint } from './http-endpoint.ts';
import { clientPorts, type OpenPoint } from './listening-points.ts';
import { isLive } from './live-settings.ts';
import { planNatDiscovery } from './nat-discovery.ts';
import { OwnAddresses } from './own-addresses.ts';
import { chooseRelays, externalMayChange, families, type RelayChoices, relayAddressOf } from './relay-addresses.ts';
import { StreamClients } from './stream-clients.ts';
import { systemRandom } from './system-random.ts';
import { readTime } from './system-time.ts';
import { TurnServers, type TurnServersEvents } from './turn-servers.ts';

const HOUR_MS = 3_600_000;

/** What the daemon found and chose at its start. */
export interface StartReport {
  readonly listeners: readonly OpenPoint[];
  readonly relays: RelayChoices;
  /** Where the HTTP service listens; `undefined` when it is switched off. */
  readonly http: string | undefined;
  readonly urls: readonly string[];
  readonly plane: PlaneReport;
  readonly made: DataDirectory['made'] & {
    /** The new admin key. It is stored as a hash only, so this is the one time it can be shown. */
    readonly adminApiKey?: string | undefined;
  };
  readonly notices: readonly string[];
}

export interface DaemonOptions {
  readonly configuration: Configuration;
  /** Puts the configuration together again, for a reload. */
  load(): LoadedConfiguration;
  readonly log: Log;
  readonly version: string;
}

/** A running daemon: the TURN servers, their listeners, the control plane, the HTTP service, and what keeps them up to date. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #startedAt = readTime();
  readonly #timers: NodeJS.Timeout[] = [];
  #configuration: Configuration;
  #data!: DataDirectory;
  #control!: ControlPlane;
  #servers!: TurnServers;
  #streams!: StreamClients;
  #listeners!: ClientListeners;
  #own!: OwnAddresses;
  #metrics!: Metrics;
  #sessions!: SessionLog;
  #http: HttpEndpoint | undefined;
  #discoveryNotices: readonly string[] = [];
  #draining = false;
  #workerDeaths = 0;
  #emptied: (() => void) | undefined;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
    this.#log = options.log;
  }

  /**
   * Starts everything; what had been opened is closed again when something fails.
   *
   * @throws StartError, DataDirectoryError
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    try {
      await daemon.#start();
      return daemon;
    } catch (error) {
      await daemon.#control?.forgetAdminApiKey().catch(() => {});
      await daemon.stop();
      throw error;
    }
  }

  get report(): StartReport {
    return {
      listeners: this.#listeners.points,
      relays: this.#own.relays,
      http: this.#http?.url,
      urls: this.#offeredUrls(),
      plane: this.#servers.plane,
      made: { ...this.#data.made, adminApiKey: this.#control.adminApiKey },
      notices: [...this.#data.notices, ...this.#tlsNotices(), ...this.#discoveryNotices],
    };
  }

  /** The configuration of today, as a reload has left it. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Live allocations. */
  get allocations(): number {
    return this.#servers.allocations;
  }

  /** Whether the threads of all servers answer. */
  async isHealthy(): Promise<boolean> {
    await this.#servers.publish();
    return true;
  }

  /** Takes no more allocations from now on; those that exist go on being relayed. */
  startDraining(): void {
    this.#draining = true;
    this.#servers.command({ kind: 'drain' });
  }

  /**
   * Takes no more allocations and resolves when there are none left, or after `deadlineMs`.
   * Those that exist go on being relayed meanwhile.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.startDraining();
    if (this.allocations === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /**
   * Reads configuration and certificates anew, and takes over what can change while the daemon runs. Nobody is dropped. When
   * the configuration is no good, nothing changes at all.
   */
  reload(): ReloadOutcome {
    const loaded = this.#options.load();
    if (!loaded.ok) return { ok: false, problems: loaded.problems.map(describeProblem) };
    const { configuration, taken, left } = changeConfiguration(this.#configuration, loaded.configuration, isLive);
    try {
      this.#data = this.#prepareData(configuration);
    } catch (error) {
      if (!(error instanceof DataDirectoryError)) throw error;
      return { ok: false, problems: [error.message] };
    }
    this.#configuration = configuration;
    this.#log.setLevel(configuration.log.level);
    this.#sessions.detail = configuration.log.addresses;
    this.#control.configure(configuration, this.#data.sharedSecrets);
    this.#control.reopenLogs();
    const httpTrouble = this.#http?.reloadCertificate();
    if (httpTrouble !== undefined) this.#log.error({ event: 'http-certificate-refused' }, httpTrouble);
    const certificate = this.#streams.reloadCertificate();
    this.#log.info({ event: 'reloaded', applied: taken, waiting: left }, describeReload(taken, left));
    return { ok: true, applied: taken, waiting: left, ...(certificate !== undefined && { certificate }) };
  }

  /** The same at SIGHUP, which nobody else writes down. Who sent it, the system does not tell. */
  reloadAtSignal(): ReloadOutcome {
    const outcome = this.reload();
    const entry = { action: 'reload', by: systemUser(), via: 'signal', from: hostname() } as const;
    if (outcome.ok) {
      const { applied, waiting } = outcome;
      this.#control.audit({ ...entry, details: { applied, waiting } });
    } else {
      this.#control.audit({ ...entry, refused: 'reload_refused' });
    }
    return outcome;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#listeners?.stop();
    await this.#http?.close();
    await this.#control?.collectUsage();
    await this.#servers?.stop();
    this.#streams?.stop();
    await this.#control?.close();
  }

  async #start(): Promise<void> {
    const configuration = this.#configuration;
    this.#data = this.#prepareData(configuration);
    // It takes long to load, and the threads of the store and of the servers load at the same time.
    const http = configuration.http.enabled ? import('./http-endpoint.ts') : undefined;
    const relays = await chooseRelays(configuration);
    this.#control = await ControlPlane.open(configuration, this.#data.sharedSecrets, this.#log);
    this.#servers = await TurnServers.start(
      this.#control.settings,
      { ipv4: relayAddressOf(relays.ipv4), ipv6: relayAddressOf(relays.ipv6) },
      this.#serverEvents(),
    );
    this.#control.attach(this.#servers);
    this.#streams = new StreamClients(this.#servers.main, configuration, this.#log);
    this.#listeners = new ClientListeners(this.#servers, this.#streams, configuration, this.#log, () => {
      this.#listenersChanged();
      // The address that relays were opened on may be the one that is gone.
      void this.#own.chooseAnew(configuration);
    });
    this.#own = new OwnAddresses(this.#servers, relays, this.#log, () => ({
      listening: this.#listeners.addresses,
      others: this.#http?.services ?? [],
    }));
    this.#metrics = this.#createMetrics();
    // A peer is judged when its permission is given: before the first one, it has to be known what is the daemon's own.
    this.#own.tell();
    await this.#listeners.start();
    this.#listenersChanged();
    if (http !== undefined) await this.#startHttp(await http);
    this.#own.tell();
    this.#every(Math.max(HOUR_MS, configuration.authentication.nonceLifetimeSeconds * 1000), () =>
      this.#servers.shared.nonceKeys.rotate(systemRandom),
    );
    if (externalMayChange(configuration)) {
      const { refreshSeconds } = configuration.relay.external;
      this.#every(refreshSeconds * 1000, () => void this.#own.chooseAnew(configuration));
    }
  }

  #prepareData({ dataDir, authentication }: Configuration): DataDirectory {
    return prepareDataDirectory({ dataDir, configuredSecrets: authentication.sharedSecrets, randomBytes });
  }

  #every(milliseconds: number, action: () => void): void {
    this.#timers.push(setInterval(action, milliseconds).unref());
  }

  #serverEvents(): TurnServersEvents {
    const started = readTime().instant;
    this.#sessions = new SessionLog(this.#log, this.#configuration.log.addresses, started);
    const guard = new FloodGuard(started);
    return {
      event: (event) => {
        this.#sessions.write(event, readTime().instant);
        this.#control.event(event);
        if (event.kind === 'allocation-ended') this.#checkEmptied();
      },
      ask: (candidate, server) => this.#control.ask(candidate, server),
      trouble: (what, why, times) => {
        const suppressed = guard.admit(readTime().instant);
        if (suppressed === undefined) return;
        this.#log.warn({ event: what, why, times, suppressed }, `${what}: ${why ?? 'no details'}`);
      },
      listenerLost: (listener, error) => this.#listeners.lost(listener, error),
      died: (server, why, restartMs) => {
        const message = `worker ${server} has died and its allocations are gone; another takes its place in ${restartMs} ms`;
        this.#log.error({ event: 'worker-died', server, why }, message);
        this.#workerDeaths++;
        this.#control.serverDied(server);
        this.#checkEmptied();
      },
    };
  }

  #checkEmptied(): void {
    if (this.#draining && this.allocations === 0) this.#emptied?.();
  }

  #listenersChanged(): void {
    const ports = [this.#listeners.port('main'), this.#listeners.port('alternate')] as const;
    const { families: taking, notices } = planNatDiscovery(this.#configuration, this.#listeners.udp, ports);
    this.#servers.command({ kind: 'set-nat-discovery', families: taking });
    this.#discoveryNotices = notices;
    this.#own.tell();
  }

  async #startHttp(module: typeof import('./http-endpoint.ts')): Promise<void> {
    const control = this.#control;
    this.#http = await module.HttpEndpoint.start(this.#configuration.http, {
      version: this.#options.version,
      keys: control.keys,
      credentials: control.credentials,
      users: control.users,
      usage: (query) => control.usage(query),
      audit: (entry) => control.audit(entry),
      offeredUrls: () => this.#offeredUrls(),
      reload: async () => this.reload(),
      status: () => this.#status(),
      sessions: (query) => this.#servers.sessions(query),
      session: (id) => this.#servers.session(id),
      endSession: (id) => this.#servers.endSession(id),
      drain: () => this.#drainAsAsked(),
      plane: () => this.#servers.plane,
      readiness: () => this.#readiness(),
      metrics: () => this.#renderMetrics(),
      monotonicNow: () => readTime().instant,
      onAnswer: (answer) => {
        this.#metrics.countAnswer(answer);
        this.#log.debug({ event: 'http', ...answer }, `${answer.method} ${answer.route ?? '(no route)'}`);
      },
      onFault: (error) =>
        this.#log.error({ event: 'http-fault', error: String(error) }, 'the HTTP service has a fault'),
    });
  }

  async #status(): Promise<DaemonStatus> {
    await this.#servers.publish();
    const { shared, plane } = this.#servers;
    const { fromClients, toClients } = shared.totalCounters();
    const { allocations, users } = shared.totalPopulation();
    return {
      version: this.#options.version,
      pid: process.pid,
      startedAt: this.#startedAt.unix,
      state: this.#draining ? 'draining' : this.#listeners.count > 0 ? 'serving' : 'not-listening',
      plane,
      urls: this.#offeredUrls(),
      allocations,
      users,
      relayed: { packets: fromClients.packets + toClients.packets, bytes: fromClients.bytes + toClients.bytes },
      store: this.#control.storeStatus,
    };
  }

  #createMetrics(): Metrics {
    return createMetrics({
      ...this.#control.metricSources,
      version: this.#options.version,
      shared: this.#servers.shared,
      connections: () => this.#streams.figures,
      relayPorts: this.#configuration.relay.ports.high - this.#configuration.relay.ports.low + 1,
      draining: () => this.#draining,
      workerDeaths: () => this.#workerDeaths,
    });
  }

  async #renderMetrics(): Promise<{ contentType: string; body: string }> {
    await this.#servers.publish();
    return { contentType: this.#metrics.contentType, body: await this.#metrics.render() };
  }

  #drainAsAsked(): void {
    if (this.#draining) return;
    this.startDraining();
    const { allocations } = this;
    this.#log.info({ event: 'draining', allocations }, `POST /v1/drain: no new allocations; ${allocations} go on`);
  }

  #readiness(): { ready: true } | { ready: false; reason: string } {
    if (this.#draining) return { ready: false, reason: 'draining' };
    return this.#listeners.count > 0 ? { ready: true } : { ready: false, reason: 'no address to listen on' };
  }

  /** The URLs that lead here: by the configured name, or by the address that clients are told. */
  #offeredUrls(): readonly string[] {
    const host = this.#publicHost();
    if (host === undefined) return [];
    // A client that checks the certificate, as all should, would get no further than the handshake.
    const points = this.#listeners.points.map(({ local, ...point }) => ({ ...point, port: local.port }));
    return offeredUrls(host, clientPorts(points, this.#streams.isCertifiedFor(host)));
  }

  #publicHost(): string | undefined {
    const { publicHost } = this.#configuration;
    const [listener] = this.#listeners.addresses;
    if (listener === undefined) return undefined;
    const [relay] = families
      .map((family) => relayAddressOf(this.#own.relays[family]))
      .filter((address) => address !== undefined);
    return publicHost ?? (relay?.external ?? listener.ip).text;
  }

  #tlsNotices(): readonly string[] {
    if (!this.#streams.hasCertificate) return [];
    const host = this.#publicHost();
    const fault = this.#streams.certificateFault;
    return [
      ...(fault === undefined ? [] : [`TLS clients will turn away: ${fault}.`]),
      ...(host === undefined || this.#streams.isCertifiedFor(host)
        ? []
        : [`No turns: URLs are offered: the certificate is not for ${host}. Set publicHost to a name that it is for.`]),
    ];
  }
}

function describeReload(applied: readonly string[], waiting: readonly string[]): string {
  const parts = [
    ...(applied.length > 0 ? [`in use now: ${applied.join(', ')}`] : []),
    ...(waiting.length > 0 ? [`from the next start on: ${waiting.join(', ')}`] : []),
  ];
  return `configuration read again; ${parts.length > 0 ? parts.join('; ') : 'nothing has changed'}`;
}
