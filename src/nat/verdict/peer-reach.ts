import type { Behavior } from '../behavior.ts';
import { type Confidence, type Finding, valueIn } from '../finding.ts';
import type { FamilyReport } from '../report.ts';
import { type NatBehavior, punch } from './hole-punching.ts';

/** Whether two can do without a relay between them; `uncertain` where too little is known. */
export type Outcome = 'direct' | 'relay' | 'uncertain';

/** How one address family of a network can be used for connections between peers. */
export type PeerReach =
  /** The network does not have it. */
  | { readonly kind: 'absent' }
  /** No UDP gets through. */
  | { readonly kind: 'blocked' }
  /** It is not known whether UDP gets through. */
  | { readonly kind: 'unknown' }
  /** UDP gets through, and all of `possible` agree with what is known: one, if all is known. */
  | { readonly kind: 'works'; readonly possible: readonly NatBehavior[] };

const behaviors: readonly Behavior[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];
const dependentBehaviors = behaviors.slice(1);
const order: readonly Confidence[] = ['low', 'medium', 'high'];

/** What any NAT at all may do. */
export const anyBehavior: readonly NatBehavior[] = behaviors.flatMap((mapping) =>
  behaviors.map((filtering) => ({ mapping, filtering })),
);

/** How a family can be used. What is not known stands for all that it may be. */
export function peerReachOf(report: FamilyReport): PeerReach {
  switch (valueIn(report.udp)) {
    case undefined:
      return { kind: 'unknown' };
    case 'no-address':
    case 'no-route':
      return { kind: 'absent' };
    case 'blocked':
    case 'rejected':
      return { kind: 'blocked' };
    case 'works':
      return { kind: 'works', possible: possibleBehaviors(report) };
  }
}

/** The mapping that was found; without a NAT every program has one address. */
export function mappingOf({ mapping, endpointIndependent, translated }: FamilyReport): Behavior | undefined {
  const independent = valueIn(translated) === false || (endpointIndependent && valueIn(endpointIndependent));
  return valueIn(mapping) ?? (independent ? 'endpoint-independent' : undefined);
}

/** Whether the mapping depends on the peer, although it may not be known in which way. */
export function dependsOnPeer(report: FamilyReport): boolean {
  const mapping = mappingOf(report);
  if (mapping !== undefined) return mapping !== 'endpoint-independent';
  return report.endpointIndependent !== undefined && valueIn(report.endpointIndependent) === false;
}

/** What the mapping was told from. */
export function mappingFinding({ mapping, endpointIndependent, translated }: FamilyReport): Finding<unknown> {
  if (mapping.state === 'found') return mapping;
  return endpointIndependent?.state === 'found' ? endpointIndependent : translated;
}

/** What becomes of a connection when each side is one of several. */
export function outcomeOf(a: readonly NatBehavior[], b: readonly NatBehavior[]): Outcome {
  const [result, ...others] = new Set(a.flatMap((one) => b.map((other) => punch(one, other))));
  if (others.length > 0 || result === 'by-chance') return 'uncertain';
  return result === 'always' ? 'direct' : 'relay';
}

/** Whether all is known, and it is still left to chance: to whose packet is first. */
export function isByChance(a: readonly NatBehavior[], b: readonly NatBehavior[]): boolean {
  return a.every((one) => b.every((other) => punch(one, other) === 'by-chance'));
}

/** That packets which come too early change the mapping, where they do. */
export function harmFromUnsolicited({ unsolicitedKeepsMapping: finding }: FamilyReport): readonly Finding<boolean>[] {
  return finding !== undefined && valueIn(finding) === false ? [finding] : [];
}

export function losesPortToUnsolicited(report: FamilyReport): boolean {
  return harmFromUnsolicited(report).length > 0;
}

/** The least of several; `high` of none. */
export function leastConfidence(all: readonly Confidence[]): Confidence {
  return order[Math.min(...all.map((one) => order.indexOf(one)), order.length - 1)]!;
}

/** How sure these findings are together; what was not found counts as `missing`. */
export function confidenceOf(findings: readonly Finding<unknown>[], missing: Confidence): Confidence {
  return leastConfidence(findings.map((one) => (one.state === 'found' ? one.confidence : missing)));
}

function possibleBehaviors(report: FamilyReport): NatBehavior[] {
  const filterings = possible(valueIn(report.filtering));
  const pooled = valueIn(report.pooling) === true ? [false, true] : [false];
  const unsolicitedTakesPort = losesPortToUnsolicited(report);
  return possibleMappings(report).flatMap((mapping) =>
    filterings.flatMap((filtering) =>
      pooled.map((pools) => ({ mapping, filtering, pooled: pools, unsolicitedTakesPort })),
    ),
  );
}

function possibleMappings(report: FamilyReport): readonly Behavior[] {
  const mapping = mappingOf(report);
  // A mapping that changes by itself may be another one towards the next peer.
  const moves = valueIn(report.stable) === false;
  if (moves && mapping !== undefined) return [mapping, 'address-and-port-dependent'];
  return dependsOnPeer(report) && mapping === undefined ? dependentBehaviors : possible(mapping);
}

function possible(found: Behavior | undefined): readonly Behavior[] {
  return found === undefined ? behaviors : [found];
}
