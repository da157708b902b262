/** What was measured, and what that says about the figures to reach. Pure. */

/** What one contestant came to in each round, by metric; a round that came to nothing is missing. */
export type Samples = ReadonlyMap<string, readonly Readonly<Record<string, number>>[]>;

/** A figure to reach. */
export interface Goal {
  readonly metric: string;
  /** The contestant that it is about. */
  readonly of: string;
  /** The one that it is compared with, round by round; without one the value itself counts. */
  readonly against?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Better than what must be reached. */
  readonly stretch?: number;
  /** Why it cannot be told on this machine. */
  readonly notHere?: string;
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly rounds: number;
}

export type Verdict = 'reached' | 'stretch reached' | 'not reached' | 'not measured';

export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  return { median, lowest: sorted[0]!, highest: sorted.at(-1)!, rounds: sorted.length };
}

/** All values of one metric of one contestant. */
export function valuesOf(samples: Samples, contestant: string, metric: string): readonly number[] {
  return (samples.get(contestant) ?? []).flatMap((sample) => sample[metric] ?? []);
}

/** The value of a goal over all rounds: of a ratio that of each round, since a busy minute strikes both sides of it. */
export function goalSpread(samples: Samples, { metric, of, against }: Goal): Spread | undefined {
  const values = valuesOf(samples, of, metric);
  if (against === undefined) return spread(values);
  const others = valuesOf(samples, against, metric);
  const rounds = Math.min(values.length, others.length);
  return spread(Array.from({ length: rounds }, (_, round) => values[round]! / others[round]!));
}

export function judge(goal: Goal, value: Spread | undefined): Verdict {
  if (goal.notHere !== undefined || value === undefined) return 'not measured';
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY, stretch } = goal;
  if (value.median > atMost || value.median < atLeast) return 'not reached';
  if (stretch === undefined) return 'reached';
  const isBetter = goal.atMost === undefined ? value.median >= stretch : value.median <= stretch;
  return isBetter ? 'stretch reached' : 'reached';
}
