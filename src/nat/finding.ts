/** How sure one can be: `high` was seen twice or cannot be otherwise, `medium` was seen, `low` is likely. */
export type Confidence = 'high' | 'medium' | 'low';

/**
 * What is known about one question. What was asked and not answered is `unknown`, and what was not asked, or cannot be asked
 * from here, is `not-tested`; neither is ever taken for "no".
 */
export type Finding<T> = Found<T> | NotFound;

export interface Found<T> {
  readonly state: 'found';
  readonly value: T;
  readonly confidence: Confidence;
  /** What was seen, in a sentence. */
  readonly evidence: string;
  /** How long it took. */
  readonly elapsedMs: number;
}

export interface NotFound {
  readonly state: 'unknown' | 'not-tested';
  /** Why, in a sentence. */
  readonly why: string;
}

/** What was found, or `undefined`. */
export function valueIn<T>(finding: Finding<T>): T | undefined {
  return finding.state === 'found' ? finding.value : undefined;
}

/** Asked, and not answered in a way that could be relied on. */
export function unknown(why: string): NotFound {
  return { state: 'unknown', why };
}

/** Not asked, or not to be asked from here. */
export function notTested(why: string): NotFound {
  return { state: 'not-tested', why };
}
