import { type IceUrl, isSecure, isStunOnly } from '../client/ice-url.ts';
import type { Advice } from './advice.ts';

/** The steps of using a TURN server, in order. */
export const rungNames = [
  'resolve',
  'connect',
  'tls',
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

/** What a step is called in a sentence. */
export function stepName(name: RungName): string {
  return name === 'allocate-peer' ? 'second allocation' : name;
}

/** The steps that a URL has: a connection only over TCP, TLS only where it says so, and not more than Binding for STUN. */
export function rungsOf(url: IceUrl): readonly RungName[] {
  const all = isStunOnly(url) ? rungNames.slice(0, rungNames.indexOf('binding') + 1) : rungNames;
  return all.filter((name) => (name !== 'connect' || url.transport === 'tcp') && (name !== 'tls' || isSecure(url)));
}

/** How a step ended: with what the next ones need, or with its problem. */
export type Outcome<T> =
  | {
      readonly passed: true;
      readonly value: T;
      readonly detail: string;
      readonly facts?: Readonly<Record<string, unknown>>;
      readonly warnings?: readonly Advice[];
    }
  | { readonly passed: false; readonly detail: string; readonly problem: Advice };

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
