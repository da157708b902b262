import { bestWay } from './best-way.ts';
import type { CheckReport } from './report.ts';

/** What the checks of several servers, such as those of an app, come to. */
export interface CheckSummary {
  /** Whether all of them passed. */
  readonly passed: boolean;
  /** The URL of the best one that works. */
  readonly best?: string;
  /** What decided that, as the end of a sentence. */
  readonly bestBecause?: string;
  readonly checks: readonly CheckReport[];
}

export function summary(checks: readonly CheckReport[]): CheckSummary {
  const best = bestWay(checks);
  return {
    passed: checks.every(({ passed }) => passed),
    ...(best && { best: best.url, bestBecause: best.because }),
    checks,
  };
}
