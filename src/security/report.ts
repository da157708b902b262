import type { Advice } from '../ladder/advice.ts';

/** What was looked at. */
export type SecuritySubject =
  /** Does it relay for anybody. */
  | 'anonymous-relay'
  /** Does it relay to an address that is no business of strangers: one finding for each target. */
  | 'forbidden-peer'
  /** Does it connect there over TCP (RFC 6062). */
  | 'forbidden-tcp-peer'
  /** How much larger its answers to strangers are than what they send. */
  | 'amplification';

/** One thing that was looked at, and how it is. What could not be tested is never called safe. */
export interface SecurityFinding {
  readonly subject: SecuritySubject;
  readonly state: 'safe' | 'unsafe' | 'not-tested';
  /** A few words, such as `127.0.0.1: refused (403)`. */
  readonly detail: string;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** With `unsafe`: what it lets strangers do, and how to close it. With `not-tested`: why. */
  readonly advice?: Advice;
}

export interface SecurityReport {
  /** False as soon as one finding is unsafe. */
  readonly safe: boolean;
  readonly findings: readonly SecurityFinding[];
}
