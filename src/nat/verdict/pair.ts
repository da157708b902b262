import { type Confidence, type Finding, valueIn } from '../finding.ts';
import type { Diagnosis, FamilyReport } from '../report.ts';
import { dropUnsolicited } from './advice.ts';
import {
  anyBehavior,
  confidenceOf,
  dependsOnPeer,
  harmFromUnsolicited,
  isByChance,
  leastConfidence,
  losesPortToUnsolicited,
  mappingFinding,
  mappingOf,
  type Outcome,
  outcomeOf,
  type PeerReach,
  peerReachOf,
} from './peer-reach.ts';
import { openPorts, relayTransports } from './relay-transports.ts';
import { type Nearness, nearness } from './same-network.ts';

/** Whether two networks can connect directly: a JSON document as well. */
export interface PairVerdict {
  readonly schema: 1;
  readonly kind: 'pair';
  readonly result: Outcome;
  readonly confidence: Confidence;
  /** One sentence for a person who never heard of NAT. */
  readonly sentence: string;
  /** Why, one sentence each, the weightiest first. The networks are A and B, in the order they were given. */
  readonly reasons: readonly string[];
  readonly advice: readonly string[];
  /** By family; `none` where one of the two does not have it. */
  readonly families: Readonly<Record<'ipv4' | 'ipv6', Outcome | 'none'>>;
}

/** What one family makes of two networks. */
interface FamilyPair {
  readonly outcome: Outcome | 'none';
  readonly confidence: Confidence;
  readonly reasons: readonly string[];
}

/**
 * Whether two networks, each with a diagnosis, can connect directly, and why. Mapping and filtering of both decide it, for each
 * family by itself ({@link canPunch}); a relay it is where one of the two blocks UDP, and direct where both are in one local network.
 * What is not known stands for all that it may be: when these do not agree the result is `uncertain`.
 *
 * The order of the two changes nothing but which of them is called A.
 */
export function pair(a: Diagnosis, b: Diagnosis): PairVerdict {
  const near = nearness(a, b);
  const table = { ipv4: pairIpv4(a, b), ipv6: pairFamily(a.ipv6, b.ipv6, 'IPv6') };
  const ipv4 = near.kind === 'apart' || near.kind === 'alike' ? table.ipv4 : pairNear(near, table.ipv4);
  const ipv6 = isLocal(near) ? pairNear(near, table.ipv6) : table.ipv6;
  const verdict = decide(ipv4, ipv6, isOffline(a) || isOffline(b));
  return {
    schema: 1,
    kind: 'pair',
    result: verdict.result,
    confidence: verdict.confidence,
    sentence: sentences[verdict.result],
    reasons: [
      ...new Set([
        ...verdict.reasons,
        ...(near.kind === 'alike' ? [alike(near)] : []),
        ...(verdict.result === 'direct' ? [] : relayReasons(a, b)),
      ]),
    ],
    advice: adviceFor(verdict.result, a, b, near.kind === 'apart'),
    families: { ipv4: ipv4.outcome, ipv6: ipv6.outcome },
  };
}

/** The exit code of a comparison: 0 direct, 1 a relay is needed, 3 uncertain. */
export function pairExitCode({ result }: Pick<PairVerdict, 'result'>): 0 | 1 | 3 {
  return { direct: 0, relay: 1, uncertain: 3 }[result] as 0 | 1 | 3;
}

const sentences: Readonly<Record<Outcome, string>> = {
  direct: 'These two networks can connect directly.',
  relay: 'These two networks need a relay between them.',
  uncertain: 'Whether these two networks can connect directly is not certain; have a relay ready.',
};

/** One family that is direct is enough; a relay it is when no family can be anything else. */
function decide(
  ipv4: FamilyPair,
  ipv6: FamilyPair,
  offline: boolean,
): Pick<PairVerdict, 'result' | 'confidence' | 'reasons'> {
  const all = [ipv4, ipv6];
  const reasons = (which: (one: FamilyPair) => boolean) => [
    ...all.filter(which).flatMap((one) => one.reasons),
    ...all.filter((one) => !which(one)).flatMap((one) => one.reasons),
  ];
  if (offline) {
    return { result: 'uncertain', confidence: 'low', reasons: reasons(({ outcome }) => outcome === 'none') };
  }
  const direct = all.filter(({ outcome }) => outcome === 'direct');
  if (direct.length > 0) {
    // One way is enough, so the surest counts.
    const confidence = direct.some((one) => one.confidence === 'high')
      ? 'high'
      : leastConfidence(direct.map((one) => one.confidence));
    return { result: 'direct', confidence, reasons: reasons(({ outcome }) => outcome === 'direct') };
  }
  if (all.some(({ outcome }) => outcome === 'uncertain')) {
    return { result: 'uncertain', confidence: 'low', reasons: reasons(({ outcome }) => outcome === 'uncertain') };
  }
  const confidence = leastConfidence(all.map((one) => one.confidence));
  return { result: 'relay', confidence, reasons: reasons(({ outcome }) => outcome === 'relay') };
}

function isOffline({ ipv4, ipv6 }: Diagnosis): boolean {
  return [ipv4, ipv6].every((family) => peerReachOf(family).kind === 'absent');
}

/** IPv4 may also be reached through a NAT64. */
function pairIpv4(a: Diagnosis, b: Diagnosis): FamilyPair {
  const translated = [a, b].map((one) => peerReachOf(one.ipv4).kind === 'absent' && valueIn(one.nat64) !== undefined);
  const native = pairFamily(a.ipv4, b.ipv4, 'IPv4');
  // Between two that both have IPv6 there is no need of a translator.
  if (native.outcome !== 'none' || translated.every((one) => one === translated[0])) return native;
  const other = peerReachOf((translated[0] ? b : a).ipv4);
  const name = translated[0] ? 'A' : 'B';
  if (other.kind === 'blocked')
    return { outcome: 'relay', confidence: 'medium', reasons: [`IPv4: ${translated[0] ? 'B' : 'A'} blocks UDP.`] };
  const relay = other.kind === 'works' && outcomeOf(other.possible, anyBehavior) === 'relay';
  return {
    outcome: relay ? 'relay' : 'uncertain',
    confidence: 'low',
    reasons: [`IPv4: ${name} reaches it through a translator (NAT64), whose behaviour towards peers is not known.`],
  };
}

function pairFamily(a: FamilyReport, b: FamilyReport, family: 'IPv4' | 'IPv6'): FamilyPair {
  const [one, other] = [peerReachOf(a), peerReachOf(b)];
  const say = (text: string) => `${family}: ${text}`;
  const named = (kind: PeerReach['kind']) => who(one.kind === kind, other.kind === kind);
  if (one.kind === 'absent' || other.kind === 'absent') {
    const both = one.kind === other.kind;
    return {
      outcome: 'none',
      confidence: 'high',
      reasons: [say(`${named('absent')} ${both ? 'do' : 'does'} not have it.`)],
    };
  }
  if (one.kind === 'blocked' || other.kind === 'blocked') {
    const blocked = [a, b].filter((report) => peerReachOf(report).kind === 'blocked').map(({ udp }) => udp);
    const both = one.kind === other.kind;
    return {
      outcome: 'relay',
      confidence: confidenceOf(blocked, 'low'),
      reasons: [say(`${named('blocked')} ${both ? 'block' : 'blocks'} UDP, over which direct connections are made.`)],
    };
  }
  if (one.kind === 'unknown' || other.kind === 'unknown') {
    const both = one.kind === other.kind;
    return {
      outcome: 'uncertain',
      confidence: 'low',
      reasons: [say(`whether ${named('unknown')} ${both ? 'let' : 'lets'} UDP through is not known.`)],
    };
  }
  return pairBehaviors(a, b, one.possible, other.possible, say);
}

function pairBehaviors(
  a: FamilyReport,
  b: FamilyReport,
  one: Parameters<typeof outcomeOf>[0],
  other: Parameters<typeof outcomeOf>[1],
  say: (text: string) => string,
): FamilyPair {
  const outcome = outcomeOf(one, other);
  const confidence = outcome === 'uncertain' ? 'low' : confidenceOf([a, b].flatMap(decidingFindings), 'medium');
  return {
    outcome,
    confidence: [a, b].some(isRare) ? leastConfidence([confidence, 'medium']) : confidence,
    reasons: [
      say(isByChance(one, other) ? chance(a, b) : explanation(a, b, outcome)),
      ...[a, b].flatMap((report, i) => describe(report, 'AB'[i]!, say)),
    ],
  };
}

function decidingFindings(report: FamilyReport): Finding<unknown>[] {
  return [mappingFinding(report), report.filtering, ...harmFromUnsolicited(report)];
}

/** A NAT that takes another mapping for each peer and lets everybody in: none has been at hand to confirm what the model says. */
function isRare(report: FamilyReport): boolean {
  return dependsOnPeer(report) && valueIn(report.filtering) === 'endpoint-independent';
}

function explanation(a: FamilyReport, b: FamilyReport, outcome: Outcome): string {
  if (outcome === 'uncertain') return uncertainty(a, b);
  const steady = [!dependsOnPeer(a), !dependsOnPeer(b)] as const;
  if (outcome === 'direct') {
    if (steady[0] && steady[1])
      return 'both are seen at addresses that stay the same, so each can be told where the other is.';
    if (steady[0] || steady[1]) {
      const [open, moving] = steady[0] ? ['A', 'B'] : ['B', 'A'];
      return `${open} can be told, and lets ${moving} in although ${moving} comes from another port than was told.`;
    }
    return 'one lets everybody in, and the other can answer from where it was reached.';
  }
  if (!steady[0] && !steady[1])
    return 'both come from other ports than the other was told, so neither lets the other in.';
  if (steady[0] && steady[1])
    return 'the first packet that comes to either makes its router give it another port, which the other does not let in.';
  const moving = steady[0] ? 'B' : 'A';
  const strict = steady[0] ? 'A' : 'B';
  return `${moving} comes from another port than was told, and ${strict} lets in only the one that was told.`;
}

/** All is known, but it depends on whose packet is first on its way. */
function chance(a: FamilyReport, b: FamilyReport): string {
  const [name, other] = losesPortToUnsolicited(a) ? ['A', 'B'] : ['B', 'A'];
  const both = losesPortToUnsolicited(a) && losesPortToUnsolicited(b);
  if (both) return 'it is left to chance: a packet that comes too early makes either router give another port.';
  return `it works only when ${name} is first: a packet of ${other} that comes before makes the router of ${name} give it another port, which ${other} does not let in.`;
}

function uncertainty(a: FamilyReport, b: FamilyReport): string {
  const open = [a, b].map((report) =>
    [
      ...(mappingOf(report) === undefined && !dependsOnPeer(report) ? ['mapping'] : []),
      ...(report.filtering.state === 'found' ? [] : ['filtering']),
      ...(valueIn(report.stable) === false ? ['address, which changes by itself,'] : []),
      ...(valueIn(report.pooling) === true ? ['choice among several addresses'] : []),
    ].join(' and '),
  );
  const parts = open.flatMap((what, i) => (what === '' ? [] : [`the ${what} of ${'AB'[i]}`]));
  return `it depends on ${parts.join(' and ')}, which is not known well enough.`;
}

function describe(report: FamilyReport, name: string, say: (text: string) => string): string[] {
  const filtering = valueIn(report.filtering);
  const mapping = mappingOf(report);
  const classic = report.classicName === null ? '' : ` (${report.classicName})`;
  const unclear = dependsOnPeer(report) ? 'a mapping that depends on the peer' : 'unknown mapping';
  const map = mapping === undefined ? unclear : `${mapping} mapping`;
  const filter = filtering === undefined ? 'unknown filtering' : `${filtering} filtering`;
  const what = valueIn(report.translated) === false ? `no NAT, ${filter}` : `${map}, ${filter}`;
  return [say(`${name} has ${what}${classic}.`)];
}

function who(first: boolean, second: boolean): string {
  if (first && second) return 'A and B';
  return first ? 'A' : 'B';
}

/** One machine cannot be both sides, so what was meant are two networks of one kind. */
function alike({ why }: Nearness): string {
  return `Both reports are of one machine, as it seems (${why}), so this is about two networks that are like it.`;
}

/** Whether both can reach each other without going outside. */
function isLocal({ kind }: Nearness): boolean {
  return kind === 'same-lan' || kind === 'perhaps-same-lan';
}

/** What nearness makes of the result of the table. */
function pairNear(near: Nearness, table: FamilyPair): FamilyPair {
  if (table.outcome === 'none') return table;
  const why = `${near.why[0]!.toUpperCase()}${near.why.slice(1)}`;
  if (!isLocal(near)) return behindOneNat(near, table, why);
  return {
    outcome: 'direct',
    confidence: near.kind === 'perhaps-same-lan' ? 'medium' : 'high',
    reasons: [`${why}: they reach each other at their local addresses, unless the network keeps its devices apart.`],
  };
}

/** Each would send to the address that both have, which leads anywhere only when that NAT turns packets around. */
function behindOneNat({ kind, hairpin }: Nearness, table: FamilyPair, why: string): FamilyPair {
  if (hairpin === true) {
    const reason = `${why}, and this NAT sends packets for its own address back inside (hairpinning).`;
    return { ...table, confidence: leastConfidence([table.confidence, 'medium']), reasons: [reason, ...table.reasons] };
  }
  if (kind === 'same-carrier' && (hairpin === false || table.outcome === 'relay')) {
    const reason =
      hairpin === false
        ? `${why}: the NAT of the provider does not send packets for its own address back inside (no hairpinning).`
        : `${why}.`;
    return { outcome: 'relay', confidence: 'medium', reasons: [reason, ...table.reasons] };
  }
  const known =
    hairpin === undefined
      ? 'whether this NAT sends packets for its own address back inside is not known'
      : 'this NAT does not send packets for its own address back inside';
  const reason = `${why}: ${known}, and so only local addresses may connect them.`;
  return { outcome: 'uncertain', confidence: 'low', reasons: [reason, ...table.reasons] };
}

function relayReasons(a: Diagnosis, b: Diagnosis): string[] {
  return [a, b].flatMap((one, i) =>
    relayTransports(one).length === 0 ? [`No way to a relay was found open from ${'AB'[i]}.`] : [],
  );
}

function adviceFor(result: Outcome, a: Diagnosis, b: Diagnosis, apart: boolean): string[] {
  if (result === 'direct') return [];
  const over = [a, b].map((one, i) => {
    const [best] = relayTransports(one);
    if (best === undefined) return `${'AB'[i]} over TLS on port 443 at best`;
    const port = best === 'udp' ? undefined : openPorts(one, best)[0];
    return `${'AB'[i]} over ${best.toUpperCase()}${port === undefined ? '' : ` on port ${port}`}`;
  });
  const advice = [`Give both a relay (a TURN server); it is reached from ${over.join(', from ')}.`];
  const losers = [a, b].flatMap(({ ipv4, ipv6 }, i) => ([ipv4, ipv6].some(losesPortToUnsolicited) ? ['AB'[i]!] : []));
  advice.push(...losers.map((name) => dropUnsolicited(`the router of ${name}`)));
  if (result === 'uncertain' && !(apart && losers.length > 0)) {
    advice.push(
      'To be certain, diagnose both with a server that answers RFC 5780, and with --hairpin where both have one address.',
    );
  }
  return advice;
}
