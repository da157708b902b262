import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { type Finding, unknown } from '../finding.ts';
import type { Discovery } from '../probes/discovery.ts';
import { sameEndpoint } from '../probes/sighting.ts';
import { type Claims, readClaims } from './server-qualification.ts';
import { type AnsweredServer, type GreetedServer, isAnswered } from './udp-reach.ts';

/** What one server turned out to be. */
export interface ServerOutcome {
  readonly server: TransportAddress;
  readonly qualification: Finding<'rfc5780' | 'plain'>;
  readonly roundTripMs: number | null;
  readonly notes: readonly string[];
}

/** A server that answered, and what it says of itself. */
export interface UsableServer extends Claims {
  readonly server: TransportAddress;
  readonly mapped: TransportAddress;
  readonly local: TransportAddress;
  readonly roundTripMs: number;
}

export function toUsable({ server, greeting }: AnsweredServer): UsableServer {
  const { answer, local } = greeting;
  const claims = readClaims(server, greeting);
  return { server, local, mapped: answer.mappedAddress, roundTripMs: answer.elapsedMs, ...claims };
}

/** What a server turned out to be, after all tests. */
export function describeServer(greeted: GreetedServer, discoveries: readonly Discovery[]): ServerOutcome {
  const { server, greeting } = greeted;
  if (!isAnswered(greeted)) {
    const notes = greeting.kind === 'odd' ? [greeting.why] : [];
    return { server, qualification: unknown(whyUnusable(greeted)), roundTripMs: null, notes };
  }
  const { discovery, notes, ...usable } = toUsable(greeted);
  const roundTripMs = Math.round(usable.roundTripMs);
  const tested = discoveries.find((d) => sameEndpoint(d.server.primary, server));
  const problem = tested && problemOf(tested);
  const value = discovery && !problem ? 'rfc5780' : 'plain';
  const other = discovery && formatTransportAddress(discovery.other);
  const evidence =
    value === 'plain'
      ? 'It answers Binding requests.'
      : `It names ${other} as its other address${tested ? ', which answers' : ', which was not tried'}.`;
  const confidence = value === 'plain' || tested?.alternates.change === 'works' ? 'high' : tested ? 'medium' : 'low';
  return {
    server,
    qualification: { state: 'found', value, confidence, evidence, elapsedMs: roundTripMs },
    roundTripMs,
    notes: problem ? [...notes, problem] : notes,
  };
}

/** Why a server that offers RFC 5780 cannot be used for it, a sentence. */
function problemOf({ server, alternates, filtering }: Discovery): string | undefined {
  const missing = (['otherIp', 'other', 'otherPort'] as const).filter((name) => alternates[name] === undefined);
  if (missing.length > 0) {
    const named = missing.map((name) => formatTransportAddress(server[name])).join(', ');
    return `It does not answer at ${named}, which it should.`;
  }
  const { change } = alternates;
  if (change === 'fails' || change === 'misbehaves') {
    return filtering.state === 'found' ? undefined : filtering.why;
  }
  return undefined;
}

function whyUnusable({ greeting }: GreetedServer): string {
  switch (greeting.kind) {
    case 'odd':
      return greeting.why;
    case 'garbled':
      return 'It sends what answers nothing that was asked.';
    case 'refused':
      return `Packets to it are refused (${greeting.code}).`;
    case 'no-route':
      return `There is no way to it (${greeting.code}).`;
    case 'no-address':
    case 'failed':
      return `No socket could be opened to it (${greeting.code}).`;
    case 'cut-short':
      return 'There was no time left.';
    default:
      return 'It does not answer.';
  }
}
