/** The steps of using a TURN server, in order. A STUN server has the first two. */
export const rungNames = [
  'resolve',
  'binding',
  'challenge',
  'allocate',
  'allocate-peer',
  'permission',
  'channel',
  'echo',
  'refresh',
  'close',
] as const;
export type RungName = (typeof rungNames)[number];

/** A problem, or a warning, in words. */
export interface Advice {
  /** For scripts; it does not change. */
  readonly code: string;
  readonly cause: string;
  readonly fix: string;
}

/** One step that was tried. */
export interface Rung {
  readonly name: RungName;
  readonly passed: boolean;
  readonly elapsedMs: number;
  /** What was found, or what went wrong, in a few words. */
  readonly detail: string;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Why it failed and what to do about it. */
  readonly problem?: Advice;
  /** What works and should be looked at nevertheless. */
  readonly warnings: readonly Advice[];
}

export interface LadderReport {
  readonly passed: boolean;
  readonly rungs: readonly Rung[];
  /** Steps that were not reached: neither passed nor failed. */
  readonly notTested: readonly RungName[];
}
