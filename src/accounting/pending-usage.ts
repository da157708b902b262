import type { Usage } from '../store/store.ts';

type Row = { -readonly [K in keyof Usage]: Usage[K] };

/** What was counted and is not stored yet. It is bounded: what does not fit is counted with less detail, but never lost. */
export class PendingUsage {
  readonly #most: number;
  #rows = new Map<string, Row>();

  /** @param most rows of users and labels. Beyond them one for each key and day, until there are twice as many. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#rows.size;
  }

  add(usage: Usage): void {
    const row = this.#row(usage);
    row.fromClientBytes += usage.fromClientBytes;
    row.fromClientPackets += usage.fromClientPackets;
    row.toClientBytes += usage.toClientBytes;
    row.toClientPackets += usage.toClientPackets;
    row.allocations += usage.allocations;
  }

  /** All rows; afterwards there are none. */
  take(): readonly Usage[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    return rows;
  }

  #row({ day, key, user, label }: Usage): Row {
    const most = this.#most;
    return (
      this.#find(day, key, user, label, most) ??
      this.#find(day, key, '', '', 2 * most) ??
      this.#find(day, '', '', '', Number.POSITIVE_INFINITY)!
    );
  }

  /** The row, a new one if there are fewer than `most`. */
  #find(day: string, key: string, user: string, label: string, most: number): Row | undefined {
    const name = JSON.stringify([day, key, user, label]);
    const known = this.#rows.get(name);
    if (known !== undefined || this.#rows.size >= most) return known;
    const nothing = { fromClientBytes: 0, fromClientPackets: 0, toClientBytes: 0, toClientPackets: 0, allocations: 0 };
    const row = { day, key, user, label, ...nothing };
    this.#rows.set(name, row);
    return row;
  }
}
