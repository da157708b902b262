import type { Configuration } from '../config/settings.ts';
import { TcpListener } from '../listeners/tcp-listener.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { Log } from '../telemetry/log.ts';
import { type ListeningPoint, listeningPoints, type OpenPoint, type PortRole } from './listening-points.ts';
import { StartError } from './start-error.ts';
import type { StreamClients } from './stream-clients.ts';
import type { TurnServers, UdpPoint } from './turn-servers.ts';

const RESCAN_MS = 10_000;
/** A port that is free for UDP may not be for TCP; then another one is tried. */
const FREE_PORT_ATTEMPTS = 20;

interface OpenListener extends ListeningPoint {
  readonly listener: UdpPoint | TcpListener;
}

/** Keeps a listener at every place where clients are to be taken in, also as addresses come and go. */
export class ClientListeners {
  readonly #servers: TurnServers;
  readonly #streams: StreamClients;
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #open = new Map<string, OpenListener>();
  /** Where any port will do, the first one that was free becomes everyone's. */
  readonly #ports = new Map<PortRole, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param changed called when a listener has come or gone. */
  constructor(
    servers: TurnServers,
    streams: StreamClients,
    configuration: Configuration,
    log: Log,
    changed: () => void,
  ) {
    this.#servers = servers;
    this.#streams = streams;
    this.#configuration = configuration;
    this.#log = log;
    this.#changed = changed;
  }

  /** Where clients are taken in. */
  get points(): readonly OpenPoint[] {
    const { hasCertificate } = this.#streams;
    return [...this.#open.values()].flatMap(({ transport, role, listener: { local } }) => [
      { transport, role, local },
      ...(transport === 'tcp' && hasCertificate ? [{ transport: 'tls' as const, role, local }] : []),
    ]);
  }

  /** The addresses and ports of them all, each once. */
  get addresses(): readonly TransportAddress[] {
    return [
      ...new Map(
        [...this.#open.values()].map(({ listener: { local } }) => [formatTransportAddress(local), local]),
      ).values(),
    ];
  }

  /** Where clients are taken in over UDP. */
  get udp(): readonly TransportAddress[] {
    return [...this.#open.values()].flatMap(({ transport, listener }) => (transport === 'udp' ? [listener.local] : []));
  }

  /** The port in use for a role; `undefined` when nothing listens there. */
  port(role: PortRole): number | undefined {
    return this.#ports.get(role);
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws StartError when a place cannot be listened on. */
  async start(): Promise<void> {
    for (let attempt = 1; !(await this.#openAll(attempt)); attempt++);
    if (this.count === 0) throw new StartError('This machine has no address to listen on. Set listen.addresses.');
    this.#timer = setInterval(() => void this.#rescan(), RESCAN_MS).unref();
  }

  /** A listener broke; it is tried again with the next look at the addresses. */
  lost({ local }: { readonly local: TransportAddress }, error: Error): void {
    for (const [key, open] of this.#open) if (open.listener.local === local) this.#open.delete(key);
    this.#log.warn(
      { event: 'listener-lost', why: error.message },
      `no longer listening on ${formatTransportAddress(local)}`,
    );
    this.#changed();
  }

  /** Takes in no more clients over TCP, and looks at the addresses no more. */
  stop(): void {
    clearInterval(this.#timer);
    for (const { listener } of this.#open.values()) if (listener instanceof TcpListener) listener.close();
  }

  /** Opens everything; false, with all closed again, when a port that was chosen freely turned out to be taken. */
  async #openAll(attempt: number): Promise<boolean> {
    for (const point of listeningPoints(this.#configuration)) {
      try {
        await this.#openAt(point);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EADDRINUSE' || point.port !== 0 || attempt === FREE_PORT_ATTEMPTS) {
          throw new StartError(explain(point, this.#portFor(point), error as NodeJS.ErrnoException));
        }
        for (const key of [...this.#open.keys()]) this.#close(key);
        this.#ports.clear();
        return false;
      }
    }
    return true;
  }

  async #openAt(point: ListeningPoint): Promise<void> {
    const at = { ip: point.ip, port: this.#portFor(point) };
    const listener =
      point.transport === 'udp'
        ? await this.#servers.listenUdp(at, point.zone)
        : await TcpListener.open(
            at,
            {
              accepted: (socket, local) => this.#streams.connections.accept(socket, local),
              lost: (lost, error) => this.lost(lost, error),
            },
            point.zone,
          );
    this.#open.set(keyOf(point), { ...point, listener });
    this.#ports.set(point.role, listener.local.port);
  }

  #close(key: string): void {
    const { listener } = this.#open.get(key)!;
    this.#open.delete(key);
    listener.close();
  }

  #portFor({ role, port }: ListeningPoint): number {
    return this.#ports.get(role) ?? port;
  }

  async #rescan(): Promise<void> {
    const wanted = new Map(listeningPoints(this.#configuration).map((point) => [keyOf(point), point]));
    let changed = false;
    for (const [key, { listener }] of this.#open) {
      if (wanted.has(key)) continue;
      this.#close(key);
      const place = formatTransportAddress(listener.local);
      this.#log.info({ event: 'listener-closed' }, `${place} is gone; no longer listening there`);
      changed = true;
    }
    for (const [key, point] of wanted) {
      if (this.#open.has(key)) continue;
      const place = placeOf(point, this.#portFor(point));
      try {
        await this.#openAt(point);
        this.#log.info({ event: 'listener-opened' }, `also listening on ${place}`);
        changed = true;
      } catch (error) {
        this.#log.debug({ event: 'listener-failed', why: (error as Error).message }, `cannot listen on ${place}`);
      }
    }
    if (changed) this.#changed();
  }
}

function keyOf({ transport, ip, zone, role }: ListeningPoint): string {
  return [transport, ip.text, zone, role].join(' ');
}

function placeOf({ transport, ip }: ListeningPoint, port: number): string {
  return `${transport.toUpperCase()} ${formatTransportAddress({ ip, port })}`;
}

function explain(point: ListeningPoint, port: number, error: NodeJS.ErrnoException): string {
  const place = placeOf(point, port);
  const key = keyFor(point.role);
  switch (error.code) {
    case 'EADDRINUSE':
      return `Cannot listen on ${place}: another program has that port. End it, or choose another ${key}.`;
    case 'EACCES':
      return `Cannot listen on ${place}: ports below 1024 need more rights. Choose a higher ${key}, or give the service CAP_NET_BIND_SERVICE.`;
    case 'EADDRNOTAVAIL':
      return `Cannot listen on ${place}: this machine does not have that address. Correct listen.addresses.`;
    default:
      return `Cannot listen on ${place}: ${error.message}.`;
  }
}

/** The key of the configuration that a port comes from. */
function keyFor(role: PortRole): string {
  if (role === 'main') return 'listen.port';
  if (role === 'tls') return 'tls.port';
  return role === 'alternate' ? 'natDiscovery.alternatePort' : 'listen.extraPorts';
}
