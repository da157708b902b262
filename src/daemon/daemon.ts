import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { PlaneReport } from '../api/dependencies.ts';
import { createHttpService } from '../api/http-service.ts';
import type { Configuration } from '../config/settings.ts';
import { ApiKeys } from '../credentials/api-keys.ts';
import { type DataDirectory, forgetUnshownKey, prepareDataDirectory } from '../credentials/first-start.ts';
import { offeredUrls } from '../credentials/ice-servers.ts';
import { issueCredential } from '../credentials/issue.ts';
import type { CertificateReload } from '../listeners/certificate.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { FloodGuard } from '../telemetry/flood-guard.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { SessionLog } from '../telemetry/session-log.ts';
import type { RelayAddress } from '../turn/options.ts';
import { localAddresses } from './addresses.ts';
import { ClientListeners } from './client-listeners.ts';
import { clientPorts, type OpenPoint } from './listening-points.ts';
import { planNatDiscovery } from './nat-discovery.ts';
import { chooseRelays, externalMayChange, families, type RelayChoices, relayAddressOf } from './relay-addresses.ts';
import { StartError } from './start-error.ts';
import { StreamClients } from './stream-clients.ts';
import { systemRandom } from './system-random.ts';
import { readTime } from './system-time.ts';
import { TurnServers, type TurnServersEvents } from './turn-servers.ts';

const HOUR_MS = 3_600_000;
/** Earlier external addresses that still count as our own: clients may hold candidates with them. */
const REMEMBERED_ADDRESSES = 16;

/** What the daemon found and chose at its start. */
export interface StartReport {
  readonly listeners: readonly OpenPoint[];
  readonly relays: RelayChoices;
  /** Where the HTTP service listens; `undefined` when it is switched off. */
  readonly http: string | undefined;
  readonly urls: readonly string[];
  readonly plane: PlaneReport;
  readonly made: DataDirectory['made'];
  readonly notices: readonly string[];
}

/** What a reload came to, by part. */
export interface ReloadReport {
  readonly certificate?: CertificateReload;
}

/** A running daemon: the TURN server, its listeners, the HTTP service, and what keeps them up to date. */
export class Daemon {
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #version: string;
  readonly #timers: NodeJS.Timeout[] = [];
  #servers!: TurnServers;
  #streams!: StreamClients;
  #listeners!: ClientListeners;
  #discoveryNotices: readonly string[] = [];
  #data!: DataDirectory;
  #relays!: RelayChoices;
  #metrics!: Metrics;
  #http: FastifyInstance | undefined;
  #ownAddresses: IpAddress[] = [];
  #draining = false;
  #emptied: (() => void) | undefined;

  private constructor(configuration: Configuration, log: Log, version: string) {
    this.#configuration = configuration;
    this.#log = log;
    this.#version = version;
  }

  /**
   * Starts everything; what had been opened is closed again when something fails.
   *
   * @throws StartError, DataDirectoryError
   */
  static async start(configuration: Configuration, log: Log, version: string): Promise<Daemon> {
    const daemon = new Daemon(configuration, log, version);
    try {
      await daemon.#start();
      return daemon;
    } catch (error) {
      await daemon.stop();
      if (daemon.#data !== undefined) forgetUnshownKey(configuration.dataDir, daemon.#data);
      throw error;
    }
  }

  get report(): StartReport {
    return {
      listeners: this.#listeners.points,
      relays: this.#relays,
      http: this.#httpAddress(),
      urls: this.#offeredUrls(),
      plane: this.#servers.plane,
      made: this.#data.made,
      notices: [...this.#data.notices, ...this.#tlsNotices(), ...this.#discoveryNotices],
    };
  }

  /** Live allocations. */
  get allocations(): number {
    return this.#servers.allocations;
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
   * Reads anew what can change while the daemon runs. Nobody is dropped, and what is no good is not taken.
   *
   * @returns what became of each part; a part that is not configured is left out.
   */
  reload(): ReloadReport {
    const certificate = this.#streams.reloadCertificate();
    return certificate === undefined ? {} : { certificate };
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#listeners?.stop();
    await this.#servers?.stop();
    this.#streams?.stop();
    await this.#http?.close();
  }

  async #start(): Promise<void> {
    const { authentication, dataDir } = this.#configuration;
    const now = readTime();
    this.#data = prepareDataDirectory({
      dataDir,
      configuredSecrets: authentication.sharedSecrets,
      now: now.unix,
      randomBytes,
    });
    this.#relays = await chooseRelays(this.#configuration);
    this.#servers = await TurnServers.start(
      this.#configuration,
      this.#data.sharedSecrets,
      { ipv4: relayAddressOf(this.#relays.ipv4), ipv6: relayAddressOf(this.#relays.ipv6) },
      this.#serverEvents(),
    );
    this.#streams = new StreamClients(this.#servers.main, this.#configuration, this.#log);
    this.#metrics = createMetrics(this.#servers.shared, this.#version, () => this.#streams.figures);
    this.#listeners = new ClientListeners(this.#servers, this.#streams, this.#configuration, this.#log, () => {
      this.#listenersChanged();
      // The address that relays were opened on may be the one that is gone.
      void this.#chooseRelaysAnew();
    });
    // A peer is judged when its permission is given: before the first one, it has to be known what is the daemon's own.
    this.#updatePolicy();
    await this.#listeners.start();
    this.#listenersChanged();
    await this.#startHttp();
    this.#updatePolicy();
    this.#every(Math.max(HOUR_MS, authentication.nonceLifetimeSeconds * 1000), () =>
      this.#servers.shared.nonceKeys.rotate(systemRandom),
    );
    if (externalMayChange(this.#configuration)) {
      this.#every(this.#configuration.relay.external.refreshSeconds * 1000, () => void this.#chooseRelaysAnew());
    }
  }

  #every(milliseconds: number, action: () => void): void {
    this.#timers.push(setInterval(action, milliseconds).unref());
  }

  #serverEvents(): TurnServersEvents {
    const started = readTime().instant;
    const sessions = new SessionLog(this.#log, this.#configuration.log.addresses, started);
    const guard = new FloodGuard(started);
    return {
      event: (event) => {
        sessions.write(event, readTime().instant);
        if (event.kind === 'allocation-ended') this.#checkEmptied();
      },
      trouble: (what, why, times) => {
        const suppressed = guard.admit(readTime().instant);
        if (suppressed === undefined) return;
        this.#log.warn({ event: what, why, times, suppressed }, `${what}: ${why ?? 'no details'}`);
      },
      listenerLost: (listener, error) => this.#listeners.lost(listener, error),
      died: (server, why, restartMs) => {
        const message = `worker ${server} has died and its allocations are gone; another takes its place in ${restartMs} ms`;
        this.#log.error({ event: 'worker-died', server, why }, message);
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
    this.#updatePolicy();
  }

  /** Tells the peer policy which addresses and ports are the daemon's own. */
  #updatePolicy(): void {
    const relays = families
      .map((family) => relayAddressOf(this.#relays[family]))
      .filter((relay) => relay !== undefined);
    const current = relays.flatMap(({ local, external }) => [local, external]);
    const distinct = new Map([...current, ...this.#ownAddresses].map((ip) => [ip.text, ip]));
    this.#ownAddresses = [...distinct.values()].slice(0, REMEMBERED_ADDRESSES);

    const listening = this.#listeners.addresses;
    const ports = new Set(listening.map(({ port }) => port));
    const external = this.#ownAddresses.flatMap((ip) => [...ports].map((port) => ({ ip, port })));
    const services = [...listening, ...external, ...this.#httpServices()];
    this.#servers.command({ kind: 'set-own', addresses: this.#ownAddresses, services });
  }

  async #chooseRelaysAnew(): Promise<void> {
    let relays: RelayChoices;
    try {
      relays = await chooseRelays(this.#configuration);
    } catch (error) {
      this.#log.warn({ event: 'relay-address' }, `${(error as Error).message} The last known one stays in use.`);
      return;
    }
    for (const family of families) {
      const before = relayAddressOf(this.#relays[family]);
      const now = relayAddressOf(relays[family]);
      if (before?.external.text === now?.external.text && before?.local.text === now?.local.text) continue;
      this.#log.info(
        { event: 'relay-address', family, before: describe(before), now: describe(now) },
        'the relay address has changed; new allocations get the new one',
      );
      this.#servers.command({ kind: 'set-relay-address', family: AddressFamily[family], address: now });
    }
    this.#relays = relays;
    this.#updatePolicy();
  }

  async #startHttp(): Promise<void> {
    const { http, credentials } = this.#configuration;
    if (!http.enabled) return;
    const [secret] = this.#data.sharedSecrets;
    this.#http = createHttpService({
      version: this.#version,
      apiKeys: new ApiKeys(this.#data.apiKeys),
      issue: (request) =>
        issueCredential(request, { secret: secret!, ttl: credentials.ttl, now: readTime().unix, randomBytes }),
      offeredUrls: () => this.#offeredUrls(),
      reload: () => this.reload(),
      sessions: (query) => this.#servers.sessions(query),
      session: (id) => this.#servers.session(id),
      endSession: (id) => this.#servers.endSession(id),
      drain: () => this.#drainAsAsked(),
      plane: () => this.#servers.plane,
      readiness: () => this.#readiness(),
      metrics: () => this.#renderMetrics(),
      monotonicNow: () => readTime().instant,
      onAnswer: (answer) =>
        this.#log.debug({ event: 'http', ...answer }, `${answer.method} ${answer.route ?? '(no route)'}`),
      onFault: (error) =>
        this.#log.error({ event: 'http-fault', error: String(error) }, 'the HTTP service has a fault'),
    });
    try {
      await this.#http.listen({ host: http.host, port: http.port });
    } catch (error) {
      throw new StartError(
        `The HTTP service cannot listen on ${http.host}:${http.port} (${(error as Error).message}). Choose another http.port, or end the program that has it.`,
      );
    }
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

  #httpAddress(): string | undefined {
    const [address] = this.#httpAddresses();
    if (address === undefined) return undefined;
    return `http://${formatTransportAddress({ ip: IpAddress.parse(address.address)!, port: address.port })}`;
  }

  /** Where the HTTP service listens; fastify also tells of pipes, which we do not use. */
  #httpAddresses(): AddressInfo[] {
    return (this.#http?.addresses() ?? []).filter((address): address is AddressInfo => typeof address !== 'string');
  }

  #httpServices(): TransportAddress[] {
    return this.#httpAddresses().flatMap(({ address, port }) => {
      const everywhere = address === '0.0.0.0' || address === '::';
      const ips = everywhere ? localAddresses() : [IpAddress.parse(address)!];
      return ips.map((ip) => ({ ip, port }));
    });
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
      .map((family) => relayAddressOf(this.#relays[family]))
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

function describe(relay: RelayAddress | undefined): { local: string; external: string } | undefined {
  return relay && { local: relay.local.text, external: relay.external.text };
}
