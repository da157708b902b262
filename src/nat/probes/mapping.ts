import { formatTransportAddress, sameAddress, type TransportAddress } from '../../stun/ip-address.ts';
import type { Behavior } from '../behavior.ts';
import { type Confidence, type Finding, unknown } from '../finding.ts';
import { type MappingEvidence, type MappingObservation, readMapping } from './mapping-evidence.ts';
import type { Path } from './path.ts';
import { sameEndpoint } from './sighting.ts';

/** Where to send, and what is known of the way there. */
export interface MappingTarget {
  readonly at: TransportAddress;
  readonly roundTripMs: number;
}

export interface MappingFindings {
  readonly mapping: Finding<Behavior>;
  /** Known more often than {@link mapping}: two addresses are enough to see a difference. */
  readonly endpointIndependent: Finding<boolean>;
  readonly stable: Finding<boolean>;
}

/** One socket's round of all targets. */
interface Round {
  readonly observations: readonly MappingObservation[];
  readonly evidence: MappingEvidence;
  /** Whether the first target saw the same again at the end; `undefined` when it did not answer both times. */
  readonly stable: boolean | undefined;
}

/**
 * The mapping tests of RFC 5780 §4.3: one fresh socket sends to each target in turn, and to the first once more. Two sockets do it
 * side by side, and a third where they disagree.
 *
 * @param targets in order; at best A:P1, B:P1, B:P2 and A:P2 of one server, else several servers.
 */
export async function findMapping(path: Path, targets: readonly MappingTarget[]): Promise<MappingFindings> {
  if (targets.length === 0) {
    const why = 'No server answered in a way that shows the mapping.';
    return { mapping: unknown(why), endpointIndependent: unknown(why), stable: unknown(why) };
  }
  const startedAt = path.now();
  const rounds = await Promise.all([runRound(path, targets), runRound(path, targets)]);
  const usable = () => rounds.filter(({ stable }) => stable !== false);
  if (!agree(usable())) rounds.push(await runRound(path, targets));
  const elapsedMs = path.now() - startedAt;
  return { ...judgeRounds(usable(), elapsedMs), stable: judgeStability(rounds, targets[0]!, elapsedMs) };
}

async function runRound(path: Path, targets: readonly MappingTarget[]): Promise<Round> {
  const observations: MappingObservation[] = [];
  const opened = await path.open();
  if (!opened.ok) return { observations, evidence: { kind: 'too-little' }, stable: undefined };
  const socket = opened.value;
  const [first, ...rest] = targets;
  const see = async ({ at, roundTripMs }: MappingTarget) => {
    const answer = await socket.askPlainly(at, { roundTripMs });
    return answer.ok ? answer.value.mappedAddress : undefined;
  };
  const before = await see(first!);
  if (before) observations.push({ to: first!.at, mapped: before });
  for (const target of rest) {
    const mapped = await see(target);
    if (mapped) observations.push({ to: target.at, mapped });
  }
  const after = await see(first!);
  socket.close();
  const stable = before && after ? sameEndpoint(before, after) : undefined;
  return { observations, evidence: readMapping(observations), stable };
}

/** What one may conclude from this evidence; all of it where it says nothing. */
function possible(evidence: MappingEvidence): readonly Behavior[] {
  switch (evidence.kind) {
    case 'found':
      return [evidence.behavior];
    case 'address-dependent-or-stricter':
      return ['address-dependent', 'address-and-port-dependent'];
    case 'address-dependent-or-looser':
      return ['endpoint-independent', 'address-dependent'];
    default:
      return ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];
  }
}

/** Whether there is a behaviour that all of these rounds allow. */
function agree(rounds: readonly Round[]): boolean {
  return possible({ kind: 'too-little' }).some((behavior) =>
    rounds.every(({ evidence }) => possible(evidence).includes(behavior)),
  );
}

function judgeRounds(rounds: readonly Round[], elapsedMs: number): Omit<MappingFindings, 'stable'> {
  const telling = rounds.filter(({ evidence }) => evidence.kind !== 'too-little');
  if (telling.length === 0) {
    const why =
      rounds.length === 0
        ? 'The mapping changed while it was in use, so it cannot be told what it depends on.'
        : 'Too few servers answered to see what the mapping depends on: it takes two addresses.';
    return { mapping: unknown(why), endpointIndependent: unknown(why) };
  }
  const mostTelling = telling.toSorted((a, b) => possible(a.evidence).length - possible(b.evidence).length);
  const most = mostTelling.find(
    (round) => telling.filter((other) => agree([round, other])).length * 2 > telling.length,
  );
  if (most === undefined) {
    const why = 'Two sockets were mapped in different ways, so nothing can be relied on.';
    return { mapping: unknown(why), endpointIndependent: unknown(why) };
  }
  if ('shared' in most.evidence && !seeSameAddresses(telling)) {
    const why = `Some servers see the same and others do not, and not always: ${describe(most.observations)}`;
    return { mapping: unknown(why), endpointIndependent: unknown(why) };
  }
  const saySame = rounds.filter((round) => possible(round.evidence).join() === possible(most.evidence).join());
  return conclude(most, saySame.length > 1 && saySame.length === rounds.length, elapsedMs);
}

/** Whether each server sees one address, whatever the socket. */
function seeSameAddresses(rounds: readonly Round[]): boolean {
  const seen = rounds.flatMap(({ observations }) => observations);
  return seen.every(({ to, mapped }) =>
    seen.every((other) => !sameEndpoint(to, other.to) || sameAddress(mapped.ip, other.mapped.ip)),
  );
}

function conclude(
  { evidence, observations }: Round,
  unanimous: boolean,
  elapsedMs: number,
): Omit<MappingFindings, 'stable'> {
  const seen = describe(observations);
  const found = <T>(value: T, confidence: Confidence): Finding<T> => {
    return { state: 'found', value, confidence, evidence: seen, elapsedMs };
  };
  switch (evidence.kind) {
    case 'found': {
      const { behavior, addresses } = evidence;
      const endpointIndependent = behavior === 'endpoint-independent';
      // That something is always the same is the surer the more often it was seen; that it differs was seen.
      // Where others see the same, the one that differs might be wrong.
      const enough = endpointIndependent ? addresses > 2 || seesTwoPorts(observations) : !evidence.shared;
      const confidence = unanimous && enough ? 'high' : 'medium';
      return { mapping: found(behavior, confidence), endpointIndependent: found(endpointIndependent, confidence) };
    }
    case 'address-dependent-or-stricter': {
      const why = `The mapping is address-dependent or stricter: ${seen} No address was asked at two ports to tell which.`;
      return {
        mapping: unknown(why),
        endpointIndependent: found(false, unanimous && !evidence.shared ? 'high' : 'medium'),
      };
    }
    case 'contradictory': {
      const why = `Some servers see the same and others do not, which fits no mapping: ${seen}`;
      return { mapping: unknown(why), endpointIndependent: unknown(why) };
    }
    default: {
      const why = `Only one address was asked, so the mapping may be endpoint-independent or address-dependent: ${seen}`;
      return { mapping: unknown(why), endpointIndependent: unknown(why) };
    }
  }
}

function seesTwoPorts(observations: readonly MappingObservation[]): boolean {
  return observations.some(({ to }) =>
    observations.some(({ to: other }) => other.ip.text === to.ip.text && other.port !== to.port),
  );
}

function judgeStability(rounds: readonly Round[], { at }: MappingTarget, elapsedMs: number): Finding<boolean> {
  const told = rounds.flatMap(({ stable }) => stable ?? []);
  const from = formatTransportAddress(at);
  if (told.length === 0) return unknown(`${from} did not answer twice on one socket.`);
  const stable = !told.includes(false);
  const evidence = stable
    ? `${from} saw the same address and port at the beginning and at the end.`
    : `${from} saw another address or port a moment later, on the same socket.`;
  const confidence = told.length > 1 && told.every((other) => other === told[0]) ? 'high' : 'medium';
  return { state: 'found', value: stable, confidence, evidence, elapsedMs };
}

function describe(observations: readonly MappingObservation[]): string {
  const seen = observations.map(
    ({ to, mapped }) => `${formatTransportAddress(to)} saw ${formatTransportAddress(mapped)}`,
  );
  return `${seen.join(', ')}.`;
}
