import type { AddressFamily } from '../../stun/protocol.ts';
import { ServerCounters } from '../counters.ts';
import { type Gauge, gauges, type Population } from '../population.ts';
import type { TrafficRates } from '../token-bucket.ts';
import { Admissions } from './admissions.ts';
import { NonceKeys } from './nonce-keys.ts';
import { PortTable } from './port-table.ts';
import { ReservationTable } from './reservation-table.ts';
import { Control, openSharedMemory, rowCount, type SharedMemory, type SharedParts } from './shared-memory.ts';
import { SharedTrafficAllowance } from './traffic-allowance.ts';
import { UserTable } from './user-table.ts';

/**
 * What the servers of one daemon share, as one of them sees it: whatever has to be exact over all of them. Each server runs in
 * a thread of its own; any number of them may call at the same time.
 *
 * @example
 * const memory = createSharedMemory(1 + workers, { low: 49152, high: 65535 }, random);
 * const worker = new Worker(file, { workerData: { memory, server: 1 } });
 * const shared = new SharedTables(memory, 0);
 * worker.on('exit', () => shared.forgetServer(1, closeDescriptor));
 */
export class SharedTables {
  readonly ports: PortTable;
  readonly admissions: Admissions;
  readonly nonceKeys: NonceKeys;
  /** What this server has done. */
  readonly counters: ServerCounters;
  readonly #server: number;
  readonly #parts: SharedParts;

  /** @param server the index of the server that this view is for: 0 for the main thread's. */
  constructor(memory: SharedMemory, server: number) {
    if (server < 0 || server >= memory.servers) throw new RangeError(`there is no server ${server} in this memory`);
    const parts = openSharedMemory(memory);
    const rows = rowCount(memory);
    const word = (index: number) => parts.control.subarray(index, index + 1);
    this.#server = server;
    this.#parts = parts;
    this.ports = new PortTable(memory.relayPorts, server, parts.slots, parts.descriptors);
    this.admissions = new Admissions({
      server,
      users: new UserTable(parts.users, rows, memory.servers),
      reservations: new ReservationTable(parts.reservations, rows),
      ports: this.ports,
      lock: word(Control.lock),
      allocations: word(Control.allocations),
      hashKey: parts.userKey,
    });
    this.nonceKeys = new NonceKeys(parts.nonceKeys);
    this.counters = new ServerCounters(parts.counters[server]!);
  }

  /** Whether some server of the daemon has an open UDP relay socket at this port. */
  isLiveUdpRelay(family: AddressFamily, port: number): boolean {
    return this.ports.isLiveUdpRelay(family, port);
  }

  /** The traffic allowance of the whole daemon. */
  traffic(rates: TrafficRates): SharedTrafficAllowance {
    const { control, traffic } = this.#parts;
    return new SharedTrafficAllowance(control, Control.trafficLock, traffic, 0, rates);
  }

  /** Sets the figures of this server for all to see. */
  setGauges(figures: Readonly<Record<Gauge, number>>): void {
    const own = this.#parts.gauges[this.#server]!;
    for (let i = 0; i < gauges.length; i++) own[i] = figures[gauges[i]!];
  }

  /** What all servers have done so far, the dead among them: a copy that does not change. */
  totalCounters(): ServerCounters {
    return new ServerCounters(sum(this.#parts.counters));
  }

  /** How much of everything there is at all servers, as each has told last. */
  totalPopulation(): Population {
    const totals = sum(this.#parts.gauges);
    const { users, reservations } = this.admissions;
    const counted = Object.fromEntries(gauges.map((gauge, i) => [gauge, totals[i]!])) as Record<Gauge, number>;
    return { ...counted, users, reservations };
  }

  /**
   * Gives back all that a server had whose thread has ended: ports, allocations, reservations, locks. Its counters stay. Only
   * then may another server be started with its index.
   *
   * @param close called with the descriptor of each relay socket that the server's plane had written down.
   */
  forgetServer(server: number, close: (descriptor: number) => void): void {
    // First the reservations, by whose rows it shows whether their ports are still theirs.
    this.admissions.forget(server);
    this.ports.forget(server, close);
    this.#parts.gauges[server]!.fill(0);
  }
}

function sum(blocks: readonly Float64Array[]): Float64Array {
  return blocks[0]!.map((_, i) => blocks.reduce((total, block) => total + block[i]!, 0));
}
