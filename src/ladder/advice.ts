/** A problem, or a warning, in words. */
export interface Advice {
  /** For scripts; it does not change. */
  readonly code: string;
  readonly cause: string;
  readonly fix: string;
}

export function advice(code: string, cause: string, fix: string): Advice {
  return { code, cause, fix };
}
