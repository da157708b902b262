import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { ArrivalBuffer } from '../relay/dgram/arrival-buffer.ts';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type AddressRange, rangeContains } from '../turn/address-range.ts';
import type { Instant } from '../turn/time.ts';
import type { ClientListener, ClientListenerEvents } from './client-listener.ts';
import { type CloseReason, closeReasons } from './close-reason.ts';
import { PendingConnections } from './pending-connections.ts';
import { canonicalAddress } from './proxy-protocol.ts';
import { type ConnectionPhase, StreamConnection } from './stream-connection.ts';

/** Whoever runs the server that the connections are for. */
export interface ConnectionHost {
  /** Holds the one packet that is being worked on. */
  readonly buffer: ArrivalBuffer;
  readonly listenerEvents: ClientListenerEvents;
  takeListenerId(): number;
  add(listener: ClientListener): void;
  /** The client of this connection has gone. */
  disconnected(listener: ClientListener, client: TransportAddress): void;
}

export interface ConnectionLimits {
  readonly total: number;
  readonly pending: number;
  readonly pendingPerAddress: number;
  readonly firstMessageMilliseconds: number;
  readonly handshakeMilliseconds: number;
  readonly idleMilliseconds: number;
  readonly queuedBytes: number;
}

export interface StreamConnectionsOptions {
  readonly host: ConnectionHost;
  readonly limits: ConnectionLimits;
  /** Load balancers that say, in a PROXY header, whose connection they pass on. */
  readonly trustedProxies: readonly AddressRange[];
  /** The certificate for new TLS connections; `undefined` when there is none. */
  secureContext(): SecureContext | undefined;
  now(): Instant;
  /** A connection has closed, for the log. */
  onClosed(
    connection: StreamConnection,
    reason: CloseReason,
    phase: ConnectionPhase,
    details: string | undefined,
  ): void;
}

/** All connections of TCP and TLS clients, whichever address they came in at, and the limits they share. */
export class StreamConnections {
  readonly host: ConnectionHost;
  readonly limits: ConnectionLimits;
  readonly #options: StreamConnectionsOptions;
  /** Each with the time of its last known message, the one that has been silent longest first. */
  readonly #lastActive = new Map<StreamConnection, Instant>();
  readonly #pending: PendingConnections<StreamConnection>;
  readonly #pendingSince = new Map<StreamConnection, Instant>();
  readonly #handshakeSince = new Map<StreamConnection, Instant>();
  readonly #closed = new Map<CloseReason, number>(closeReasons.map((reason) => [reason, 0]));
  readonly #open = { tcp: 0, tls: 0 };

  constructor(options: StreamConnectionsOptions) {
    this.#options = options;
    this.host = options.host;
    this.limits = options.limits;
    this.#pending = new PendingConnections(options.limits);
  }

  /** How many connections there are, by transport; a handshake counts as TLS. */
  get open(): Readonly<Record<'tcp' | 'tls', number>> {
    return this.#open;
  }

  /** How many have not yet sent a whole message. */
  get pending(): number {
    return this.#pending.size;
  }

  /** How many have been closed, by reason. */
  get closedByReason(): ReadonlyMap<CloseReason, number> {
    return this.#closed;
  }

  /** Takes in a connection that came in at this address. */
  accept(socket: Socket, local: TransportAddress): void {
    const ip = socket.remoteAddress === undefined ? undefined : IpAddress.parse(socket.remoteAddress);
    if (ip === undefined) {
      // It has gone already.
      socket.destroy();
      return;
    }
    const client = { ip: canonicalAddress(ip), port: socket.remotePort! };
    const connection = new StreamConnection(this.host.takeListenerId(), socket, local, client, this);
    const now = this.#options.now();
    this.#makeRoom();
    this.#open.tcp++;
    this.#lastActive.set(connection, now);
    this.#pendingSince.set(connection, now);
    this.host.add(connection);
    this.#pending.add(connection)?.close('pending-limit');
    if (connection.phase !== 'proxy-header') this.place(connection);
  }

  /** Closes what has been silent for too long. To be called a few times within the shortest limit. */
  sweep(): void {
    const now = this.#options.now();
    const { firstMessageMilliseconds, handshakeMilliseconds, idleMilliseconds } = this.limits;
    closeOlder(this.#handshakeSince, now - handshakeMilliseconds, 'handshake-timeout');
    closeOlder(this.#pendingSince, now - firstMessageMilliseconds, 'first-message-timeout');
    for (const connection of [...this.#lastActive.keys()]) {
      if (connection.active || connection.holdsAllocation) this.#touch(connection, now);
    }
    closeOlder(this.#lastActive, now - idleMilliseconds, 'idle');
  }

  /** Closes all of them. */
  closeAll(): void {
    for (const connection of [...this.#lastActive.keys()]) connection.close('server');
  }

  /** @internal Whether what comes from this address must begin with a PROXY header. */
  expectsProxyHeader(ip: IpAddress): boolean {
    return this.#options.trustedProxies.some((range) => rangeContains(range, ip));
  }

  /** @internal The client's address is known; false when it had to be closed. */
  place(connection: StreamConnection): boolean {
    if (this.#pending.place(connection, connection.client.ip)) return true;
    connection.close('pending-per-address-limit');
    return false;
  }

  /** @internal */
  secureContext(): SecureContext | undefined {
    return this.#options.secureContext();
  }

  /** @internal */
  handshakeBegun(connection: StreamConnection): void {
    this.#open.tcp--;
    this.#open.tls++;
    this.#handshakeSince.set(connection, this.#options.now());
  }

  /** @internal */
  handshakeDone(connection: StreamConnection): void {
    this.#handshakeSince.delete(connection);
  }

  /** @internal The first message has come. */
  opened(connection: StreamConnection): void {
    this.#pending.delete(connection);
    this.#pendingSince.delete(connection);
  }

  /** @internal */
  closed(connection: StreamConnection, reason: CloseReason, phase: ConnectionPhase, details?: string): void {
    this.#open[connection.transport]--;
    this.#closed.set(reason, this.#closed.get(reason)! + 1);
    this.#pending.delete(connection);
    this.#pendingSince.delete(connection);
    this.#handshakeSince.delete(connection);
    this.#lastActive.delete(connection);
    this.host.disconnected(connection, connection.client);
    this.#options.onClosed(connection, reason, phase, details);
  }

  #touch(connection: StreamConnection, now: Instant): void {
    connection.active = false;
    this.#lastActive.delete(connection);
    this.#lastActive.set(connection, now);
  }

  /** Closes the connection that has been silent longest without an allocation, when there are too many. */
  #makeRoom(): void {
    if (this.#lastActive.size < this.limits.total) return;
    for (const connection of this.#lastActive.keys()) {
      if (connection.holdsAllocation) continue;
      connection.close('total-limit');
      return;
    }
  }
}

/** Closes the entries, which stand in the order of their times, that are not younger than `limit`. */
function closeOlder(connections: ReadonlyMap<StreamConnection, Instant>, limit: number, reason: CloseReason): void {
  for (const [connection, since] of connections) {
    if (since > limit) return;
    connection.close(reason);
  }
}
