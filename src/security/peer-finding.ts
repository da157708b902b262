import { type IpAddress, sameAddress } from '../stun/ip-address.ts';
import { ErrorCode } from '../stun/protocol.ts';
import { type AddressClass, classOf } from './address-class.ts';
import { needsTranslator } from './disguise.ts';
import { adviseOnPermission, adviseOnReach, adviseOnSilence, adviseOnUntried } from './peer-advice.ts';
import { type AttemptOutcome, factsOf } from './peer-attempt.ts';
import type { SecurityFinding } from './report.ts';

/** How one attempt went, the worst first. */
const verdicts = ['reached', 'permitted', 'not-tested', 'cannot-tell', 'held-back', 'refused'] as const;
type Verdict = (typeof verdicts)[number];

/** What the attempts were about. */
export interface PeerSubject {
  readonly subject: 'forbidden-peer' | 'forbidden-tcp-peer';
  readonly ip: IpAddress;
  readonly addressClass: AddressClass;
  /** Whether the server is on this host too, so that it has a way to the listener. */
  readonly sameHost: boolean;
}

/**
 * Sums up the attempts to reach one address of this host.
 *
 * - What arrived is unsafe, however it was written.
 * - So is a permission for loopback or a metadata address, even if nothing arrived: no peer can be there, so that no safe server
 *   gives one, while the loopback of a server elsewhere is not ours and nothing could arrive here.
 *   Excepted is the relay's own address, where other clients are.
 * - Any other permission without arrival is safe when the server runs on this host, and so has a way to the listener. Elsewhere it
 *   cannot be told from a server without a way here.
 * - Forms that need a translator are judged by arrival alone.
 */
export function peerFinding(about: PeerSubject, outcomes: readonly AttemptOutcome[]): SecurityFinding {
  const judged = outcomes.map((outcome) => ({ outcome, verdict: verdictOn(outcome, about) }));
  const verdict = verdicts.find((one) => judged.some((attempt) => attempt.verdict === one)) ?? 'not-tested';
  const decisive = judged.filter((attempt) => attempt.verdict === verdict).map(({ outcome }) => outcome);
  const facts = {
    target: about.ip.text,
    addressClass: about.addressClass,
    sameHost: about.sameHost,
    arrived: verdict === 'reached',
    attempts: outcomes.map(factsOf),
  };
  const subject = { subject: about.subject, facts };
  const detail = `${about.ip.text}: ${describe(verdict, decisive, about)}`;
  switch (verdict) {
    case 'reached':
      return { ...subject, state: 'unsafe', detail, advice: adviseOnReach(about, decisive[0]!) };
    case 'permitted':
      return { ...subject, state: 'unsafe', detail, advice: adviseOnPermission(about, decisive[0]!) };
    case 'not-tested':
      return { ...subject, state: 'not-tested', detail, advice: adviseOnUntried(about, whyUnknown(decisive)) };
    case 'cannot-tell':
      return { ...subject, state: 'not-tested', detail, advice: adviseOnSilence(about) };
    case 'held-back':
    case 'refused':
      return { ...subject, state: 'safe', detail };
  }
}

function verdictOn({ requests, arrivedBy, isRelay, disguise }: AttemptOutcome, about: PeerSubject): Verdict {
  if (arrivedBy.length > 0) return 'reached';
  const outcomes = requests.map(([, outcome]) => outcome);
  if (outcomes.some(({ kind }) => kind === 'granted')) {
    if (needsTranslator(disguise)) return 'held-back';
    if (!isRelay && isNobodysPeer(about.addressClass)) return 'permitted';
    return about.sameHost ? 'held-back' : 'cannot-tell';
  }
  return outcomes.every(({ kind }) => kind === 'refused') ? 'refused' : 'not-tested';
}

function isNobodysPeer(addressClass: AddressClass): boolean {
  return addressClass === 'loopback' || addressClass === 'metadata' || addressClass === 'unspecified';
}

function describe(verdict: Verdict, decisive: readonly AttemptOutcome[], about: PeerSubject): string {
  const written = writtenOtherwise(decisive, about);
  switch (verdict) {
    case 'reached':
      return `reached${written}${decisive.some(isUnasked) ? ', without a permission' : ''}`;
    case 'permitted':
      return `a permission is given${written}, though nothing arrived`;
    case 'not-tested':
      return `not tested${written}: ${whyUnknown(decisive)}`;
    case 'cannot-tell':
      return `a permission is given${written}, nothing arrived: cannot tell`;
    case 'held-back':
      if (decisive.every(({ isRelay }) => isRelay)) return 'only the relays there are reached';
      return `a permission is given${written}, but nothing gets through`;
    case 'refused':
      return refusal(codesOf(decisive[0]!));
  }
}

/** ` as ::ffff:127.0.0.1`, where it is only so written that something came of it. */
function writtenOtherwise(decisive: readonly AttemptOutcome[], { ip }: PeerSubject): string {
  if (decisive.some(({ peer }) => sameAddress(peer.ip, ip))) return '';
  return ` as ${[...new Set(decisive.map(({ peer }) => peer.ip.text))].join(', ')}`;
}

function isUnasked({ arrivedBy }: AttemptOutcome): boolean {
  return arrivedBy.includes('unasked');
}

function codesOf({ requests }: AttemptOutcome): number[] {
  const codes = requests.flatMap(([, outcome]) => (outcome.kind === 'refused' ? [outcome.code] : []));
  return [...new Set(codes)];
}

function refusal(codes: readonly number[]): string {
  const noFamily = codes.every((code) => code === ErrorCode.addressFamilyNotSupported);
  return noFamily ? `no relay of that address family (${codes.join(', ')})` : `refused (${codes.join(', ')})`;
}

function whyUnknown(outcomes: readonly AttemptOutcome[]): string {
  for (const { requests } of outcomes)
    for (const [, outcome] of requests) if (outcome.kind === 'unknown') return outcome.why;
  return 'it was not tried';
}

/** Whether the server runs where the listeners are, as far as its address tells. */
export function isOnThisHost(hostAddresses: readonly { readonly ip: IpAddress }[], server: IpAddress): boolean {
  return classOf(server) === 'loopback' || hostAddresses.some(({ ip }) => sameAddress(ip, server));
}
