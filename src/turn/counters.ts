import { Drop, type DropReason, dropReasons } from './drop-reason.ts';

/** Packets and payload bytes of one direction. */
export interface Traffic {
  packets: number;
  bytes: number;
}

/** What a server has done since it started. Plain numbers that only grow; the packet path adds to them in place. */
export class ServerCounters {
  readonly fromClients: Traffic = { packets: 0, bytes: 0 };
  readonly toClients: Traffic = { packets: 0, bytes: 0 };
  /** First requests without credentials that were asked for them (RFC 8489 §9.2.4); not among the errors. */
  challenges = 0;
  readonly #drops = new Float64Array(dropReasons.length);
  readonly #successes = new Map<number, number>();
  readonly #errors = new Map<number, number>();

  drop(reason: number): void {
    this.#drops[reason]!++;
  }

  dropped(reason: DropReason): number {
    return this.#drops[Drop[reason]]!;
  }

  /** A request of this method was answered with success. */
  succeed(method: number): void {
    this.#successes.set(method, (this.#successes.get(method) ?? 0) + 1);
  }

  /** A request was answered with this error code. */
  fail(code: number): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  /** Success answers by method number. */
  get successes(): ReadonlyMap<number, number> {
    return this.#successes;
  }

  /** Error answers by error code. */
  get errors(): ReadonlyMap<number, number> {
    return this.#errors;
  }
}

export function newTraffic(): Traffic {
  return { packets: 0, bytes: 0 };
}
