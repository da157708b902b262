import type { Configuration } from '../config/settings.ts';
import {
  type Certificate,
  CertificateError,
  type CertificateReload,
  CurrentCertificate,
  certificateNames,
  outsideValidity,
} from '../listeners/certificate.ts';
import type { CloseReason } from '../listeners/close-reason.ts';
import type { StreamConnection } from '../listeners/stream-connection.ts';
import { type ConnectionHost, StreamConnections } from '../listeners/stream-connections.ts';
import { displayAddress } from '../telemetry/address-display.ts';
import { FloodGuard } from '../telemetry/flood-guard.ts';
import type { Log } from '../telemetry/log.ts';
import type { ConnectionFigures } from '../telemetry/metrics.ts';
import { StartError } from './start-error.ts';
import { readTime } from './system-time.ts';

/** File systems tell of changes unreliably; looking is cheap. */
const LOOK_AT_FILES_MS = 2000;
const LONGEST_SWEEP_MS = 1000;
/** How often what is too slow is looked for, within the shortest limit. */
const SWEEPS_PER_LIMIT = 4;

/** How everyday connections end: no line in the log. */
const everyday = new Set<CloseReason>(['client', 'connection-error', 'idle', 'server']);

/** The clients that come over TCP and TLS: their connections, the limits on these, and the certificate. */
export class StreamClients {
  readonly connections: StreamConnections;
  readonly #log: Log;
  readonly #detail: Configuration['log']['addresses'];
  readonly #certificate: CurrentCertificate | undefined;
  readonly #guard = new FloodGuard(readTime().instant, { perSecond: 1, burst: 1 });
  readonly #timers: NodeJS.Timeout[] = [];

  /** @throws StartError when the certificate that is configured cannot be used. */
  constructor(host: ConnectionHost, configuration: Configuration, log: Log) {
    this.#log = log;
    this.#detail = configuration.log.addresses;
    this.#certificate = readConfigured(configuration.tls);
    const limits = configuration.limits.connections;
    this.connections = new StreamConnections({
      host,
      limits,
      trustedProxies: configuration.proxyProtocol.trust,
      secureContext: () => this.#certificate?.certificate.context,
      now: () => readTime().instant,
      onClosed: (connection, reason, phase, details) => this.#closed(connection, reason, phase, details),
    });
    const shortest = Math.min(limits.handshakeMilliseconds, limits.firstMessageMilliseconds, limits.idleMilliseconds);
    this.#every(Math.min(LONGEST_SWEEP_MS, shortest / SWEEPS_PER_LIMIT), () => this.connections.sweep());
    this.#every(LOOK_AT_FILES_MS, () => {
      const reload = this.#certificate?.reloadIfChanged(readTime().unix);
      if (reload !== undefined) this.#tell(reload);
    });
  }

  get hasCertificate(): boolean {
    return this.#certificate !== undefined;
  }

  /** Whether clients that are told this host accept the certificate. */
  isCertifiedFor(host: string): boolean {
    return this.#certificate !== undefined && certificateNames(this.#certificate.certificate, host);
  }

  /** What is wrong with the certificate at this moment, though it is in use. */
  get certificateFault(): string | undefined {
    const certificate = this.#certificate?.certificate;
    return certificate && outsideValidity(certificate, readTime().unix);
  }

  get figures(): ConnectionFigures {
    const { open, pending, closedByReason } = this.connections;
    return { open, pending, closedByReason, certificateExpiresAt: this.#expiry() };
  }

  /** Reads the certificate again; new connections get the new one. `undefined` when none is configured. */
  reloadCertificate(): CertificateReload | undefined {
    const reload = this.#certificate?.reload(readTime().unix);
    if (reload !== undefined) this.#tell(reload);
    return reload;
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.connections.closeAll();
  }

  #every(milliseconds: number, action: () => void): void {
    this.#timers.push(setInterval(action, milliseconds).unref());
  }

  #expiry(): Certificate['expiresAt'] | undefined {
    return this.#certificate?.certificate.expiresAt;
  }

  #tell(reload: CertificateReload): void {
    const expires = new Date(reload.expiresAt * 1000).toISOString();
    const facts = { event: `certificate-${reload.kind}`, expires };
    if (reload.kind === 'refused') {
      const message = `the new certificate is not used: ${reload.why}; the one from before stays in use until ${expires}`;
      this.#log.error({ ...facts, why: reload.why }, message);
    } else if (reload.kind === 'reloaded') {
      this.#log.info(facts, `new connections get the new certificate, which expires ${expires}`);
    }
  }

  #closed(connection: StreamConnection, reason: CloseReason, phase: string, details: string | undefined): void {
    const level = everyday.has(reason) ? 'debug' : 'info';
    const suppressed = level === 'debug' ? 0 : this.#guard.admit(readTime().instant);
    if (suppressed === undefined) return;
    const client = displayAddress(connection.client, this.#detail);
    const facts = { event: 'connection-closed', reason, phase, details, client, suppressed };
    this.#log[level](facts, `closed the connection of ${client}: ${reason}${details ? ` (${details})` : ''}`);
  }
}

function readConfigured({ certificateFile, keyFile }: Configuration['tls']): CurrentCertificate | undefined {
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  try {
    return new CurrentCertificate({ certificateFile, keyFile });
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new StartError(`TLS cannot be offered: ${error.message}. Correct tls.certificateFile and tls.keyFile.`);
  }
}
