import type { KeyLimits } from '../credentials/api-keys.ts';
import type { Store, Usage, UsageQuery } from '../store/store.ts';
import type { UnixSeconds } from '../turn/time.ts';
import type { UsageDelta } from '../turn/usage-meter.ts';
import { type BudgetEvents, Budgets } from './budgets.ts';
import { dayOf } from './day.ts';
import { PendingUsage } from './pending-usage.ts';

/** Rows written at once, so that each call of the store is a short one. */
const ROWS_AT_ONCE = 1_000;
const KEYS_AT_ONCE = 1_000;
/** Keys that are looked up in turn at each flush: other daemons may count for them too, and some may be gone. */
const KEYS_IN_TURN = 200;

export interface AccountingOptions {
  /** The limits of an API key; `undefined` when there is no such key. */
  limitsOf(key: string): KeyLimits | undefined;
  now(): UnixSeconds;
  /** Rows that may wait to be stored before they are counted with less detail. */
  readonly mostRows?: number;
}

/** Adds up what is relayed, stores it every other second, and knows which API keys have used up their bytes. Days are UTC. */
export class Accounting {
  readonly #store: Store;
  readonly #options: AccountingOptions;
  readonly #pending: PendingUsage;
  readonly #budgets: Budgets;
  #flushing: Promise<void> = Promise.resolve();
  #nextFlush: Promise<void> | undefined;
  #inFlight = 0;
  #failures = 0;

  private constructor(store: Store, options: AccountingOptions, events: BudgetEvents) {
    this.#store = store;
    this.#options = options;
    this.#pending = new PendingUsage(options.mostRows ?? 100_000);
    this.#budgets = new Budgets(options.limitsOf, () => this.#today(), events);
  }

  /**
   * Looks up what keys with a budget have relayed so far.
   *
   * @param keysWithBudget their ids.
   * @throws StoreError
   */
  static async open(
    store: Store,
    options: AccountingOptions,
    events: BudgetEvents,
    keysWithBudget: Iterable<string>,
  ): Promise<Accounting> {
    const accounting = new Accounting(store, options, events);
    await accounting.#lookUp([...keysWithBudget], true);
    return accounting;
  }

  /** Rows that are not stored yet. */
  get pendingRows(): number {
    return this.#pending.size + this.#inFlight;
  }

  /** How often the store could not take what was counted. */
  get flushFailures(): number {
    return this.#failures;
  }

  /** Counts what the servers have relayed since they were asked last. */
  add(deltas: readonly UsageDelta[], now: UnixSeconds): void {
    const day = dayOf(now);
    for (const { issuer: key, ...delta } of deltas) {
      const usage = { ...delta, day, key };
      this.#pending.add(usage);
      this.#budgets.relayed(usage);
    }
  }

  isOverBudget(key: string, limits = this.#options.limitsOf(key)): boolean {
    return limits !== undefined && this.#budgets.isOver(key, limits);
  }

  /**
   * Stores what was counted. What the store does not take is kept and tried again at the next flush.
   *
   * @throws StoreError
   */
  flush(): Promise<void> {
    // One after the other; who comes while another waits wants nothing else than that one.
    this.#nextFlush ??= this.#flushing
      .catch(() => undefined)
      .then(() => {
        this.#nextFlush = undefined;
        this.#flushing = this.#flush();
        return this.#flushing;
      });
    return this.#nextFlush;
  }

  /** What was relayed up to this moment. @throws StoreError */
  async usage(query: UsageQuery): Promise<readonly Usage[]> {
    await this.flush();
    return this.#store.usage(query);
  }

  async #flush(): Promise<void> {
    const rows = this.#pending.take();
    const keys = new Set<string>();
    let stored = 0;
    try {
      while (stored < rows.length) {
        this.#inFlight = rows.length - stored;
        const some = rows.slice(stored, stored + ROWS_AT_ONCE);
        await this.#store.addUsage(some);
        stored += some.length;
        for (const row of some) {
          this.#budgets.stored(row);
          keys.add(row.key);
        }
      }
    } catch (error) {
      this.#failures++;
      for (const row of rows.slice(stored)) this.#pending.add(row);
      throw error;
    } finally {
      this.#inFlight = 0;
    }
    await this.#lookUpDue(keys);
  }

  /** With several daemons the totals are in the store only. */
  async #lookUpDue(flushed: ReadonlySet<string>): Promise<void> {
    const due = new Set(this.#budgets.takeDue(KEYS_IN_TURN));
    for (const key of flushed) if (this.#budgets.has(key)) due.add(key);
    try {
      await this.#lookUp([...due], false);
    } catch {
      // The usage is stored, and that is what a flush is for; totals come with the next one.
    }
  }

  async #lookUp(keys: readonly string[], silently: boolean): Promise<void> {
    for (let first = 0; first < keys.length; first += KEYS_AT_ONCE) {
      const some = keys.slice(first, first + KEYS_AT_ONCE);
      const day = this.#today();
      this.#budgets.takeTotals(await this.#store.bytesOfKeys(some, day), some, day, silently);
    }
  }

  #today(): string {
    return dayOf(this.#options.now());
  }
}
