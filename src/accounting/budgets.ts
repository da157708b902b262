import type { KeyLimits } from '../credentials/api-keys.ts';
import type { KeyBytes, Usage } from '../store/store.ts';
import { monthOf } from './day.ts';

export type BudgetPeriod = 'day' | 'month';

export interface BudgetEvents {
  /** A key has relayed as many bytes as it may; told once in each period. */
  budgetReached(key: string, period: BudgetPeriod, bytes: number): void;
  /** Live allocations of this key have to end; told again while it relays more. */
  endKey(key: string): void;
}

/** What a key has relayed on a day and in its month. */
interface Budget {
  day: string;
  readonly stored: Record<BudgetPeriod, number>;
  readonly pending: Record<BudgetPeriod, number>;
  readonly told: Record<BudgetPeriod, boolean>;
}

const periods = ['day', 'month'] as const;
/** Keys that were asked about, whose totals shall be looked up next. */
const MOST_ASKED = 1_000;

/** The bytes of each key that has a budget: what the store has, and what is still to be stored. */
export class Budgets {
  readonly #limitsOf: (key: string) => KeyLimits | undefined;
  readonly #today: () => string;
  readonly #events: BudgetEvents;
  readonly #budgets = new Map<string, Budget>();
  readonly #asked = new Set<string>();
  #turn: Iterator<string> = this.#budgets.keys();

  constructor(limitsOf: (key: string) => KeyLimits | undefined, today: () => string, events: BudgetEvents) {
    this.#limitsOf = limitsOf;
    this.#today = today;
    this.#events = events;
  }

  /** Whether something is known of the key. */
  has(key: string): boolean {
    return this.#budgets.has(key);
  }

  /** Whether the key may not begin anything new. */
  isOver(key: string, limits: KeyLimits): boolean {
    if (!hasBudget(limits)) return false;
    if (this.#asked.size < MOST_ASKED) this.#asked.add(key);
    const budget = this.#of(key);
    return periods.some((period) => bytesOf(budget, period) >= limitOf(limits, period));
  }

  /** Something was relayed, and is not stored yet. */
  relayed(usage: Usage): void {
    const limits = this.#limitsOf(usage.key);
    if (limits === undefined || !hasBudget(limits)) return;
    const budget = this.#of(usage.key);
    count(budget, budget.pending, usage, 1);
    const isOver = this.#tell(usage.key, budget, limits);
    if (isOver && limits.endOverBudget === true && bytes(usage) > 0) this.#events.endKey(usage.key);
  }

  /** Something that was relayed is stored now. */
  stored(usage: Usage): void {
    const budget = this.#budgets.get(usage.key);
    if (budget === undefined) return;
    this.#rollOver(budget);
    count(budget, budget.pending, usage, -1);
    count(budget, budget.stored, usage, 1);
  }

  /** Takes over what the store has on this day. @param silently nobody is told of budgets that are reached already. */
  takeTotals(totals: ReadonlyMap<string, KeyBytes>, keys: readonly string[], day: string, silently = false): void {
    for (const key of keys) {
      const limits = this.#limitsOf(key);
      if (limits === undefined || !hasBudget(limits)) {
        this.#budgets.delete(key);
        continue;
      }
      const budget = this.#of(key);
      if (budget.day !== day) continue;
      Object.assign(budget.stored, totals.get(key) ?? { day: 0, month: 0 });
      if (silently) for (const period of periods) budget.told[period] = isReached(budget, limits, period);
      else this.#tell(key, budget, limits, true);
    }
  }

  /** The keys whose totals should be looked up: those that were asked about, and `others` in turn. */
  takeDue(others: number): string[] {
    const due = new Set(this.#asked);
    this.#asked.clear();
    for (let left = Math.min(others, this.#budgets.size); left > 0; left--) {
      let next = this.#turn.next();
      if (next.done === true) {
        this.#turn = this.#budgets.keys();
        next = this.#turn.next();
      }
      if (next.done !== true) due.add(next.value);
    }
    return [...due];
  }

  /** Tells of budgets that are reached; whether one is. */
  #tell(key: string, budget: Budget, limits: KeyLimits, ends = false): boolean {
    let isOver = false;
    for (const period of periods) {
      if (!isReached(budget, limits, period)) continue;
      isOver = true;
      if (budget.told[period]) continue;
      budget.told[period] = true;
      this.#events.budgetReached(key, period, bytesOf(budget, period));
      if (ends && limits.endOverBudget === true) this.#events.endKey(key);
    }
    return isOver;
  }

  #of(key: string): Budget {
    let budget = this.#budgets.get(key);
    if (budget === undefined) {
      const none = () => ({ day: 0, month: 0 });
      budget = { day: this.#today(), stored: none(), pending: none(), told: { day: false, month: false } };
      this.#budgets.set(key, budget);
    }
    this.#rollOver(budget);
    return budget;
  }

  #rollOver(budget: Budget): void {
    const today = this.#today();
    if (budget.day === today) return;
    const over: readonly BudgetPeriod[] = monthOf(budget.day) === monthOf(today) ? ['day'] : periods;
    for (const period of over) {
      budget.stored[period] = 0;
      budget.pending[period] = 0;
      budget.told[period] = false;
    }
    budget.day = today;
  }
}

export function hasBudget({ bytesPerDay, bytesPerMonth }: KeyLimits): boolean {
  return bytesPerDay !== undefined || bytesPerMonth !== undefined;
}

function isReached(budget: Budget, limits: KeyLimits, period: BudgetPeriod): boolean {
  return bytesOf(budget, period) >= limitOf(limits, period);
}

function limitOf({ bytesPerDay, bytesPerMonth }: KeyLimits, period: BudgetPeriod): number {
  return (period === 'day' ? bytesPerDay : bytesPerMonth) ?? Number.POSITIVE_INFINITY;
}

function bytesOf({ stored, pending }: Budget, period: BudgetPeriod): number {
  return stored[period] + pending[period];
}

/** Counts what was relayed in the periods of today. */
function count(budget: Budget, into: Record<BudgetPeriod, number>, usage: Usage, sign: 1 | -1): void {
  const change = sign * bytes(usage);
  // A clock that was set back has begun a period twice.
  if (usage.day === budget.day) into.day = Math.max(0, into.day + change);
  if (monthOf(usage.day) === monthOf(budget.day)) into.month = Math.max(0, into.month + change);
}

function bytes({ fromClientBytes, toClientBytes }: Usage): number {
  return fromClientBytes + toClientBytes;
}
