import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { type Finding, notTested, unknown } from '../finding.ts';
import type { DiscoveryServer } from '../servers/server-qualification.ts';
import type { ProbeSocket } from './path.ts';
import { sameEndpoint } from './sighting.ts';

/** A socket for which the server has sent from B:P2 what was not let in, and to which nothing else was sent from there. */
export interface UnsolicitedSocket {
  readonly socket: ProbeSocket;
  /** How A:P1 sees it. */
  readonly mapped: TransportAddress;
}

/** How B:P2 sees these sockets once they write there themselves. */
export interface UnsolicitedObservation {
  /** As A:P1 sees them. */
  readonly kept: number;
  /** At another address or port, while A:P1 still sees the old one: from the first of them. */
  readonly changed: readonly { readonly before: TransportAddress; readonly after: TransportAddress }[];
  readonly elapsedMs: number;
}

/**
 * Writes to B:P2 from sockets to which B:P2 has sent in vain. A router that has taken those packets for itself can no longer use
 * the same port for the way there (on Linux: two entries of connection tracking would be the same but for their direction).
 */
export async function observeUnsolicited(
  now: () => number,
  server: DiscoveryServer,
  sockets: readonly UnsolicitedSocket[],
): Promise<UnsolicitedObservation> {
  const startedAt = now();
  const outcomes = await Promise.all(
    sockets.map(async ({ socket, mapped: before }) => {
      const there = await socket.askPlainly(server.other, server);
      if (!there.ok) return undefined;
      const after = there.value.mappedAddress;
      if (sameEndpoint(after, before)) return { before, after, isKept: true };
      // A mapping that changes by itself is something else.
      const again = await socket.askPlainly(server.primary, server);
      return again.ok && sameEndpoint(again.value.mappedAddress, before) ? { before, after, isKept: false } : undefined;
    }),
  );
  const told = outcomes.filter((outcome) => outcome !== undefined);
  return {
    kept: told.filter(({ isKept }) => isKept).length,
    changed: told.filter(({ isKept }) => !isKept),
    elapsedMs: now() - startedAt,
  };
}

/** What must be known for {@link judgeUnsolicited}. */
export interface UnsolicitedContext {
  /** Whether a packet of another endpoint comes to the same mapping, and is not let in: else there is nothing to be seen. */
  readonly applies: boolean;
  /** Whether it is certain that the server has sent. */
  readonly proven: boolean;
}

/** What the observation means. A single change is enough: the packets for the other socket may have been lost. */
export function judgeUnsolicited(
  { other }: DiscoveryServer,
  { kept, changed, elapsedMs }: UnsolicitedObservation,
  { applies, proven }: UnsolicitedContext,
): Finding<boolean> {
  if (!applies) {
    return notTested(
      'It makes a difference only with endpoint-independent mapping and address-and-port-dependent filtering.',
    );
  }
  const from = formatTransportAddress(other);
  const [example] = changed;
  if (example !== undefined) {
    const [before, after] = [example.before, example.after].map(formatTransportAddress);
    const evidence = `${from} sent to ${before} before anything was sent there, and then saw ${after} in its place.`;
    const confidence = changed.length > 1 && kept === 0 ? 'high' : 'medium';
    return { state: 'found', value: false, confidence, evidence, elapsedMs };
  }
  if (kept === 0) return unknown(`${from} did not say how it sees a socket to which it had sent before.`);
  if (!proven) return unknown(`It is not certain that ${from} has sent anything before it was written to.`);
  const evidence = `${from} saw the same port as others, although it had sent there before anything was sent to it.`;
  return { state: 'found', value: true, confidence: kept > 1 ? 'high' : 'medium', evidence, elapsedMs };
}
