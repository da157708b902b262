import type { LadderReport } from '../../ladder/rung.ts';
import type { QualityReport } from '../../quality/report.ts';
import type { SecurityReport } from '../../security/report.ts';

/** One way to the server: its steps, and what it is like when they pass. */
export interface TransportCheck extends LadderReport {
  readonly url: string;
  /** Of another way than the one that was asked for: why it does not count that it fails, which is that no TURN server is there. */
  readonly notOffered?: string;
  /** When the credential ends, as its username says: ISO 8601. Only of one that was given, not of one made for the check. */
  readonly credentialExpiresAt?: string;
  /** When the certificate ends: ISO 8601. */
  readonly certificateExpiresAt?: string;
  readonly quality?: QualityReport;
}

export type ThresholdName = 'max-rtt' | 'max-loss' | 'min-bitrate';

/** A limit that was asked for, and what was measured: milliseconds, a fraction from 0 to 1, or bits a second. */
export interface ThresholdResult {
  readonly name: ThresholdName;
  readonly limit: number;
  /** `undefined` when it could not be measured, which breaks the threshold. */
  readonly measured: number | undefined;
  readonly kept: boolean;
}

/** What `taciturn check` found; the steps and the quality at the top are those of the URL that was given. */
export interface CheckReport extends TransportCheck {
  /**
   * Whether all is well, as the exit status says it: every step passed, also of the other ways that are offered, no threshold is
   * broken, and the server is not unsafe.
   */
  readonly passed: boolean;
  /** ISO 8601. */
  readonly startedAt: string;
  /** With `--all`: the other ways to the same server, in the order in which they were tried. */
  readonly alternatives?: readonly TransportCheck[];
  /** With `--all`: the URL of the best way that works. */
  readonly best?: string;
  /** What decided that, as the end of a sentence. */
  readonly bestBecause?: string;
  readonly security?: SecurityReport;
  readonly thresholds?: readonly ThresholdResult[];
}

/** Whether every step of a way passed, whatever else is wrong. */
export function reachesTheEnd({ rungs, notTested }: LadderReport): boolean {
  return notTested.length === 0 && rungs.every(({ passed }) => passed);
}
