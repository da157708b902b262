import { COUNTERS } from '../counters.ts';
import { gauges } from '../population.ts';
import type { RandomSource } from '../random.ts';
import { NONCE_KEY_WORDS, NonceKeys } from './nonce-keys.ts';
import { MAX_SERVERS, PORT_SLOTS, type PortRange, portCount } from './port-table.ts';
import { RESERVATION_STRIDE } from './reservation-table.ts';
import { RowTable } from './row-table.ts';
import { ALLOWANCE_DOUBLES } from './traffic-allowance.ts';
import { userStride } from './user-table.ts';

/**
 * The memory that all servers of a daemon share. It is made once, sent to the threads as it is (all of it can be cloned),
 * and opened in each as `SharedTables`.
 */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  /** For how many servers there is room. */
  readonly servers: number;
  readonly relayPorts: PortRange;
}

/** The parts of the memory. */
export interface SharedParts {
  /** Single words, by {@link Control}. */
  readonly control: Int32Array;
  /** The traffic allowance of the daemon. */
  readonly traffic: Float64Array;
  /** The key under which user ids are hashed. */
  readonly userKey: Uint8Array;
  readonly nonceKeys: Int32Array;
  readonly slots: Uint8Array;
  readonly descriptors: Int32Array;
  readonly users: Int32Array;
  readonly reservations: Int32Array;
  /** Of each server: its counters. */
  readonly counters: readonly Float64Array[];
  /** Of each server: how much of everything there is. */
  readonly gauges: readonly Float64Array[];
}

export const Control = {
  /** The lock of the control path. */
  lock: 0,
  /** Allocations of all servers. */
  allocations: 1,
  /** The lock of the daemon's traffic allowance. */
  trafficLock: 2,
} as const;

/** Parts begin on lines of their own, so that threads do not wait for each other's. */
const CACHE_LINE = 64;

/**
 * Makes the memory for a daemon, with fresh keys. Where nothing was written yet all is zero, which means "free", "none" and
 * "nothing used"; such memory costs nothing.
 *
 * @param servers how many servers there will be.
 */
export function createSharedMemory(servers: number, relayPorts: PortRange, random: RandomSource): SharedMemory {
  if (servers < 1 || servers > MAX_SERVERS) throw new RangeError(`${servers} servers cannot share a memory`);
  const { length } = layout(servers, relayPorts);
  const memory = { buffer: new SharedArrayBuffer(length), servers, relayPorts };
  const { userKey, nonceKeys } = openSharedMemory(memory);
  userKey.set(random.bytes(userKey.length));
  const keys = new NonceKeys(nonceKeys);
  // Twice: the key before the first one has to be a secret as well.
  keys.rotate(random);
  keys.rotate(random);
  return memory;
}

export function openSharedMemory({ buffer, servers, relayPorts }: SharedMemory): SharedParts {
  const { bytes, at } = layout(servers, relayPorts);
  const words = (part: Part) => new Int32Array(buffer, at[part], bytes[part] / 4);
  const doubles = (part: Part, index: number, count: number) =>
    new Float64Array(buffer, at[part] + (index * bytes[part]) / servers, count);
  return {
    control: words('control'),
    traffic: new Float64Array(buffer, at.traffic, ALLOWANCE_DOUBLES),
    userKey: new Uint8Array(buffer, at.userKey, bytes.userKey),
    nonceKeys: words('nonceKeys'),
    slots: new Uint8Array(buffer, at.slots, bytes.slots),
    descriptors: words('descriptors'),
    users: words('users'),
    reservations: words('reservations'),
    counters: Array.from({ length: servers }, (_, i) => doubles('counters', i, COUNTERS)),
    gauges: Array.from({ length: servers }, (_, i) => doubles('gauges', i, gauges.length)),
  };
}

/**
 * How many users, and how many reservations, there can be at once: each has a port, or is about to take one in the Allocate
 * that a server is working on.
 */
export function rowCount({ servers, relayPorts }: Omit<SharedMemory, 'buffer'>): number {
  return 2 * portCount(relayPorts) + servers;
}

type Part = keyof SharedParts;

function layout(servers: number, relayPorts: PortRange) {
  const rows = rowCount({ servers, relayPorts });
  const bytes: Record<Part, number> = {
    control: 4 * Object.keys(Control).length,
    traffic: 8 * ALLOWANCE_DOUBLES,
    userKey: 32,
    nonceKeys: 4 * NONCE_KEY_WORDS,
    slots: PORT_SLOTS,
    descriptors: 4 * PORT_SLOTS,
    users: 4 * RowTable.words(rows, userStride(servers)),
    reservations: 4 * RowTable.words(rows, RESERVATION_STRIDE),
    counters: servers * wholeLines(8 * COUNTERS),
    gauges: servers * wholeLines(8 * gauges.length),
  };
  const at = { ...bytes };
  let length = 0;
  for (const part of Object.keys(bytes) as Part[]) {
    at[part] = length;
    length += wholeLines(bytes[part]);
  }
  return { bytes, at, length };
}

function wholeLines(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
}
