import { ErrorCode, Method } from '../stun/protocol.ts';
import { Drop, type DropReason, dropReasons } from './drop-reason.ts';

/** Packets and payload bytes of one direction. */
export interface Traffic {
  packets: number;
  bytes: number;
}

/** What a data plane counts, each a number that only grows. */
export const planeCounts = [
  'received',
  'sent',
  'forwarded',
  'icmpErrors',
  'receiveCalls',
  'sendCalls',
  'overflows',
] as const;
export type PlaneCount = (typeof planeCounts)[number];

/** Nothing counted yet. */
export function newPlaneCounts(): Record<PlaneCount, number> {
  return { received: 0, sent: 0, forwarded: 0, icmpErrors: 0, receiveCalls: 0, sendCalls: 0, overflows: 0 };
}

const methods: readonly number[] = Object.values(Method);
const errorCodes: readonly number[] = Object.values(ErrorCode);

// Where everything is counted.
const FROM_CLIENTS = 0;
const TO_CLIENTS = 2;
const CHALLENGES = 4;
const DROPS = 5;
const SUCCESSES = DROPS + dropReasons.length;
const ERRORS = SUCCESSES + methods.length;

const PLANE = ERRORS + errorCodes.length;

/** How many numbers {@link ServerCounters} has. */
export const COUNTERS = PLANE + planeCounts.length;

/**
 * What a server has done since it started. Plain numbers that only grow; the packet path adds to them in place. One thread
 * writes them, any may read them.
 */
export class ServerCounters {
  readonly fromClients: Traffic;
  readonly toClients: Traffic;
  readonly #counts: Float64Array;

  /** @param counts {@link COUNTERS} numbers, which may be in shared memory. */
  constructor(counts: Float64Array) {
    this.#counts = counts;
    this.fromClients = new TrafficCounter(counts, FROM_CLIENTS);
    this.toClients = new TrafficCounter(counts, TO_CLIENTS);
  }

  /** First requests without credentials that were asked for them (RFC 8489 §9.2.4); not among the errors. */
  get challenges(): number {
    return this.#counts[CHALLENGES]!;
  }

  challenge(): void {
    this.#counts[CHALLENGES]!++;
  }

  drop(reason: number): void {
    this.#counts[DROPS + reason]!++;
  }

  dropped(reason: DropReason): number {
    return this.#counts[DROPS + Drop[reason]]!;
  }

  /** A request of this method was answered with success. */
  succeed(method: number): void {
    this.#counts[SUCCESSES + methods.indexOf(method)]!++;
  }

  /** A request was answered with this error code. */
  fail(code: number): void {
    this.#counts[ERRORS + errorCodes.indexOf(code)]!++;
  }

  /** The data plane has counted so many more. */
  addPlane(name: PlaneCount, more: number): void {
    this.#counts[PLANE + planeCounts.indexOf(name)]! += more;
  }

  plane(name: PlaneCount): number {
    return this.#counts[PLANE + planeCounts.indexOf(name)]!;
  }

  /** Success answers by method number; methods without any are left out. */
  get successes(): ReadonlyMap<number, number> {
    return this.#byKey(methods, SUCCESSES);
  }

  /** Error answers by error code; codes without any are left out. */
  get errors(): ReadonlyMap<number, number> {
    return this.#byKey(errorCodes, ERRORS);
  }

  #byKey(keys: readonly number[], first: number): ReadonlyMap<number, number> {
    const entries = keys.map((key, i) => [key, this.#counts[first + i]!] as const);
    return new Map(entries.filter(([, count]) => count > 0));
  }
}

/** One direction, counted in two neighbouring numbers. */
class TrafficCounter implements Traffic {
  readonly #counts: Float64Array;
  readonly #at: number;

  constructor(counts: Float64Array, at: number) {
    this.#counts = counts;
    this.#at = at;
  }

  get packets(): number {
    return this.#counts[this.#at]!;
  }

  set packets(packets: number) {
    this.#counts[this.#at] = packets;
  }

  get bytes(): number {
    return this.#counts[this.#at + 1]!;
  }

  set bytes(bytes: number) {
    this.#counts[this.#at + 1] = bytes;
  }
}

export function newTraffic(): Traffic {
  return { packets: 0, bytes: 0 };
}
