/** The daemon's workers without the daemon: in this process, so that a test can end one, as a fault in it would. */
import { readdirSync, readFileSync } from 'node:fs';
import { type LoadedConfiguration, loadConfiguration } from '../../src/config/load-configuration.ts';
import { systemRandom } from '../../src/daemon/system-random.ts';
import { WorkerPool } from '../../src/daemon/workers/worker-pool.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { DatagramSockets } from '../../src/syscalls/datagram-sockets.ts';
import type { Libc } from '../../src/syscalls/libc.ts';
import { loadSyscalls } from '../../src/syscalls/load.ts';
import { createSharedMemory } from '../../src/turn/shared/shared-memory.ts';
import { SharedTables } from '../../src/turn/shared/shared-tables.ts';

const loopback = IpAddress.parse('127.0.0.1')!;
/** The threads run what was built: no test runner stands behind them to translate TypeScript. */
const script = new URL('../../dist/daemon/workers/worker.js', import.meta.url);

/** Whether workers can run here. When not, the reason is printed; in CI that is an error. */
export function canRunWorkers(): boolean {
  const libc = loadSyscalls();
  if (typeof libc !== 'string') return true;
  if (process.env.CI === 'true') throw new Error(libc);
  process.stderr.write(`skipped: ${libc}\n`);
  return false;
}

/** Workers that serve one UDP port of loopback. */
export class WorkerBench {
  readonly pool: WorkerPool;
  readonly shared: SharedTables;
  readonly port: number;
  /** The servers whose threads have died, and in how many milliseconds each is replaced. */
  readonly deaths: readonly { readonly server: number; readonly restartMs: number }[];

  private constructor(pool: WorkerPool, shared: SharedTables, deaths: WorkerBench['deaths']) {
    this.pool = pool;
    this.shared = shared;
    this.deaths = deaths;
    this.port = pool.listenUdp(1, { ip: loopback, port: 0 }).local.port;
  }

  static async start(count: number): Promise<WorkerBench> {
    const flags = [{ path: 'relay.peers.allow', flag: '', value: ['127.0.0.0/8'] }];
    const { configuration } = loadConfiguration({ environment: {}, flags }) as LoadedConfiguration & { ok: true };
    const users = [{ name: 'alice', password: 'correct horse' }];
    const memory = createSharedMemory(1 + count, configuration.relay.ports, systemRandom);
    const shared = new SharedTables(memory, 0);
    const deaths: { server: number; restartMs: number }[] = [];
    const pool = await WorkerPool.start({
      count,
      libc: loadSyscalls() as Libc,
      shared,
      script,
      start: {
        memory,
        settings: {
          configuration: { ...configuration, authentication: { ...configuration.authentication, users } },
          sharedSecrets: [],
          users: [],
        },
        relays: { ipv4: { local: loopback, external: loopback }, ipv6: undefined },
      },
      events: {
        event: () => {},
        ask: () => {},
        trouble: () => {},
        died: (server, _why, restartMs) => deaths.push({ server, restartMs }),
      },
    });
    return new WorkerBench(pool, shared, deaths);
  }

  /** The server of each client, by the client's port. */
  async servers(): Promise<ReadonlyMap<number, number>> {
    const sessions = await this.pool.sessions({ limit: 10_000 });
    return new Map(sessions.map(({ client, server }) => [Number(client.slice(client.lastIndexOf(':') + 1)), server]));
  }

  /** Whether nothing is bound to an address. */
  isFree(local: TransportAddress): boolean {
    const sockets = new DatagramSockets(loadSyscalls() as Libc);
    const socket = sockets.open(local);
    if (typeof socket !== 'number') return false;
    sockets.close(socket);
    return true;
  }
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Memory that this process holds at this moment. */
export function residentBytes(): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
}
