import { availableParallelism } from 'node:os';
import type { PlaneReport } from '../api/dependencies.ts';
import type { UdpListener } from '../listeners/udp-listener.ts';
import { choosePlane } from '../relay/choose-plane.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { Libc } from '../syscalls/libc.ts';
import { loadSyscalls } from '../syscalls/load.ts';
import { describeEvent } from '../telemetry/event-record.ts';
import type { AdmissionVerdict } from '../turn/admission.ts';
import type { RelayAddress } from '../turn/options.ts';
import type { SessionQuery, SessionSummary } from '../turn/session-summary.ts';
import { MAX_SERVERS } from '../turn/shared/port-table.ts';
import { createSharedMemory } from '../turn/shared/shared-memory.ts';
import { SharedTables } from '../turn/shared/shared-tables.ts';
import type { UsageDelta } from '../turn/usage-meter.ts';
import { EventLoopHost } from './event-loop-host.ts';
import { type ServerCommand, ServerControl } from './server-control.ts';
import { type ServerSettings, serverOptions } from './server-options.ts';
import { StartError } from './start-error.ts';
import { systemRandom } from './system-random.ts';
import { WorkerPool, type WorkerPoolEvents } from './workers/worker-pool.ts';

/** The index of the server of the main thread. */
const MAIN_SERVER = 0;

export interface TurnServersEvents extends WorkerPoolEvents {
  /** A listening socket broke. */
  listenerLost(listener: { readonly local: TransportAddress }, error: Error): void;
}

/** A UDP address where clients are taken in, by however many sockets. */
export interface UdpPoint {
  readonly local: TransportAddress;
  close(): void;
}

/**
 * All TURN servers of the daemon behind one face: that of the main thread, which serves TCP and TLS clients, and on the batch
 * plane the workers, which serve UDP clients. On the dgram plane the main thread serves all of them.
 */
export class TurnServers {
  readonly plane: PlaneReport;
  readonly shared: SharedTables;
  readonly main: EventLoopHost;
  readonly #control: ServerControl;
  readonly #pool: WorkerPool | undefined;
  readonly #udpListeners = new Set<UdpListener>();

  private constructor(parts: {
    plane: PlaneReport;
    shared: SharedTables;
    main: EventLoopHost;
    pool: WorkerPool | undefined;
    policy: ConstructorParameters<typeof ServerControl>[1];
  }) {
    this.plane = parts.plane;
    this.shared = parts.shared;
    this.main = parts.main;
    this.#pool = parts.pool;
    this.#control = new ServerControl(parts.main, parts.policy, MAIN_SERVER, () => [...this.#udpListeners]);
  }

  /** @throws StartError when the plane that is demanded cannot be had. */
  static async start(
    settings: ServerSettings,
    relays: { readonly ipv4: RelayAddress | undefined; readonly ipv6: RelayAddress | undefined },
    events: TurnServersEvents,
  ): Promise<TurnServers> {
    const { configuration } = settings;
    const choice = choosePlane(configuration.relay.plane);
    if ('error' in choice) throw new StartError(`${choice.error} Set relay.plane to auto.`);
    const libc = choice.plane === 'batch' ? (loadSyscalls() as Libc) : undefined;
    const workers = libc === undefined || !configuration.listen.udp ? 0 : workerCount(configuration.relay.workers);
    const memory = createSharedMemory(1 + workers, configuration.relay.ports, systemRandom);
    const shared = new SharedTables(memory, MAIN_SERVER);
    const options = serverOptions(settings, relays, shared);
    const main = new EventLoopHost(options, libc, {
      event: (event) => events.event(describeEvent(event)),
      ask: (candidate) => events.ask(candidate, MAIN_SERVER),
      trouble: (what, why) => events.trouble(what, why, 1),
      listenerLost: events.listenerLost,
    });
    const start = { memory, settings, relays };
    let pool: WorkerPool | undefined;
    try {
      if (workers > 0) pool = await WorkerPool.start({ count: workers, libc: libc!, shared, start, events });
    } catch (error) {
      main.stop();
      throw error;
    }
    const plane = { name: choice.plane, why: choice.why, workers };
    return new TurnServers({ plane, shared, main, pool, policy: options.policy });
  }

  /** Live allocations. */
  get allocations(): number {
    return this.shared.totalPopulation().allocations;
  }

  /** Takes in clients over UDP; rejects with the system's error when the address cannot be had. */
  async listenUdp(at: TransportAddress, zone?: string): Promise<UdpPoint> {
    if (this.#pool !== undefined) return this.#pool.listenUdp(this.main.takeListenerId(), at, zone);
    const listener = await this.main.listenUdp(at, zone);
    this.#udpListeners.add(listener);
    return {
      local: listener.local,
      close: () => {
        this.#udpListeners.delete(listener);
        this.main.remove(listener);
      },
    };
  }

  /** Tells every server. */
  command(command: ServerCommand): void {
    this.#control.execute(command);
    this.#pool?.command(command);
  }

  /** Answers a server that has asked about an allocation. */
  answer(server: number, id: string, verdict: AdmissionVerdict): void {
    const command = { kind: 'admission', id, verdict } as const;
    if (server === MAIN_SERVER) this.#control.execute(command);
    else this.#pool?.answer(server, command);
  }

  /** What each user has relayed at all servers since the last call. */
  async takeUsage(): Promise<readonly UsageDelta[]> {
    return [...this.#control.usage(), ...((await this.#pool?.takeUsage()) ?? [])];
  }

  /** Live allocations of all servers, ordered by id, no more than `query.limit`. */
  async sessions(query: SessionQuery): Promise<readonly SessionSummary[]> {
    const all = [...this.#control.sessions(query), ...((await this.#pool?.sessions(query)) ?? [])];
    return all.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, query.limit);
  }

  async session(id: string): Promise<SessionSummary | undefined> {
    return this.#control.session(id) ?? (await this.#pool?.session(id));
  }

  /** Ends an allocation at once; false when there is none of this id. */
  async endSession(id: string): Promise<boolean> {
    return this.#control.endSession(id) || ((await this.#pool?.endSession(id)) ?? false);
  }

  /** Brings the figures in {@link shared} up to date. */
  async publish(): Promise<void> {
    this.#control.publish();
    await this.#pool?.publish();
  }

  /** Ends every allocation and closes every socket. */
  async stop(): Promise<void> {
    this.main.stop();
    await this.#pool?.stop();
  }
}

/** One for each core, if not told otherwise: a worker has work for one, and the main thread has little. */
export function workerCount(workers: 'auto' | number, cores = availableParallelism()): number {
  return workers === 'auto' ? Math.min(cores, MAX_SERVERS - 1) : workers;
}
