import type { Confidence } from '../finding.ts';
import { valueIn } from '../finding.ts';
import type { Diagnosis, FamilyReport, PeerKind, Verdict } from '../report.ts';
import type { NatBehavior } from './hole-punching.ts';
import {
  confidenceOf,
  dependsOnPeer,
  harmFromUnsolicited,
  isByChance,
  leastConfidence,
  mappingFinding,
  type Outcome,
  outcomeOf,
  type PeerReach,
  peerReachOf,
} from './peer-reach.ts';

/** What a diagnosis has found, before anything follows from it. */
export type Evidence = Omit<Diagnosis, 'verdict' | 'schema' | 'kind' | 'startedAt' | 'elapsedMs'>;

/** Whether connections between peers need a relay. */
export type RelayNeed = Verdict['relay'];

/** What one family is good for. */
export interface FamilyOutlook {
  /** Whether anybody asked about this family. */
  readonly asked: boolean;
  readonly reach: PeerReach;
  /** Without meaning where the family is absent. */
  readonly need: RelayNeed;
  readonly peers: Verdict['peers'];
  /** Whether it is left to chance how a usual home router is reached. */
  readonly byChance: boolean;
  readonly confidence: Confidence;
}

/** What follows from both families together. */
export interface Outlook {
  readonly ipv4: FamilyOutlook;
  readonly ipv6: FamilyOutlook;
  readonly need: RelayNeed;
  readonly peers: Verdict['peers'];
  readonly confidence: Confidence;
}

const typicalPeers: Readonly<Record<PeerKind, NatBehavior>> = {
  public: { mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
  'full-cone': { mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
  'restricted-cone': { mapping: 'endpoint-independent', filtering: 'address-dependent' },
  'port-restricted-cone': { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' },
  symmetric: { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' },
};

/** What both families of a network are good for. */
export function outlookOf(evidence: Evidence): Outlook {
  const ipv4 = familyOutlook(evidence.ipv4);
  const ipv6 = familyOutlook(evidence.ipv6);
  const captured = valueIn(evidence.captivePortal)?.captured === true;
  const works = isUsable(ipv4) || isUsable(ipv6);
  // Before one has logged in, what does not get through says nothing about later.
  if ((captured && !works) || (!isThere(ipv4) && !isThere(ipv6))) {
    return { ipv4, ipv6, need: 'unknown', peers: allPeers('uncertain'), confidence: 'low' };
  }
  return { ipv4, ipv6, ...together(ipv4, ipv6) };
}

/** Whether the family was asked about and the network has it. */
export function isThere({ asked, reach }: FamilyOutlook): boolean {
  return asked && reach.kind !== 'absent';
}

/** Whether those who have this family too are mostly reached directly. */
export function connectsDirectly({ need }: FamilyOutlook): boolean {
  return need === 'not-needed' || need === 'sometimes';
}

function isUsable({ reach }: FamilyOutlook): boolean {
  return reach.kind === 'works';
}

function familyOutlook(report: FamilyReport): FamilyOutlook {
  const reach = peerReachOf(report);
  const peers = peersOf(reach);
  const byChance = reach.kind === 'works' && isByChance(reach.possible, [typicalPeers['port-restricted-cone']]);
  const need = reach.kind === 'absent' ? 'unknown' : needOf(peers, byChance);
  const asked = report.udp.state !== 'not-tested';
  return { asked, reach, need, peers, byChance, confidence: need === 'unknown' ? 'low' : confidence(report, reach) };
}

/** Most people are behind a NAT that is "port-restricted cone", some behind a symmetric one. */
function needOf(peers: Verdict['peers'], byChance: boolean): RelayNeed {
  switch (peers['port-restricted-cone']) {
    case 'uncertain':
      return byChance ? 'sometimes' : 'unknown';
    case 'relay':
      return 'needed';
    case 'direct':
      return peers.symmetric === 'direct' ? 'not-needed' : 'sometimes';
  }
}

function peersOf(reach: PeerReach): Verdict['peers'] {
  if (reach.kind === 'blocked') return allPeers('relay');
  if (reach.kind !== 'works') return allPeers('uncertain');
  const towards = (peer: PeerKind) => outcomeOf(reach.possible, [typicalPeers[peer]]);
  return {
    public: towards('public'),
    'full-cone': towards('full-cone'),
    'restricted-cone': towards('restricted-cone'),
    'port-restricted-cone': towards('port-restricted-cone'),
    symmetric: towards('symmetric'),
  };
}

function allPeers(outcome: Outcome): Verdict['peers'] {
  return {
    public: outcome,
    'full-cone': outcome,
    'restricted-cone': outcome,
    'port-restricted-cone': outcome,
    symmetric: outcome,
  };
}

/** Peers are counted by IPv4, which everybody has; those who have IPv6 as well are told of in words. */
function together(ipv4: FamilyOutlook, ipv6: FamilyOutlook): Pick<Outlook, 'need' | 'peers' | 'confidence'> {
  if (!ipv4.asked || !isThere(ipv6)) {
    const { need, peers, confidence } = ipv4.asked ? ipv4 : ipv6;
    return { need, peers, confidence };
  }
  if (!isThere(ipv4)) {
    // Those who have IPv4 only are reached through a relay, or a NAT64.
    const need = ipv6.need === 'not-needed' ? 'sometimes' : ipv6.need;
    return { need, peers: ipv6.peers, confidence: ipv6.confidence };
  }
  if (ipv4.need === 'needed' && connectsDirectly(ipv6)) {
    const confidence = leastConfidence([ipv4.confidence, ipv6.confidence]);
    return { need: 'sometimes', peers: ipv4.peers, confidence };
  }
  const { need, peers, confidence } = ipv4;
  return { need, peers, confidence };
}

function confidence(report: FamilyReport, reach: PeerReach): Confidence {
  if (reach.kind === 'blocked') return confidenceOf([report.udp], 'low');
  const deciding = mappingFinding(report);
  // Whom a NAT lets in changes nothing for most when its mapping depends on the peer.
  const all = dependsOnPeer(report) ? [deciding] : [deciding, report.filtering, ...harmFromUnsolicited(report)];
  const sure = confidenceOf(all, 'medium');
  return valueIn(report.stable) === false ? leastConfidence([sure, 'medium']) : sure;
}
