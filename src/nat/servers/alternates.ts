import { writeResponsePort } from '../../stun/attributes/nat-behavior.ts';
import { sameAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { askForChange } from '../probes/change-probe.ts';
import type { Path, ProbeSocket } from '../probes/path.ts';
import { probeRetransmission } from '../probes/probe-retransmission.ts';
import { sameEndpoint } from '../probes/sighting.ts';
import type { DiscoveryServer } from './server-qualification.ts';

/** How long after the first a second request follows where silence is a possible answer. */
export const REPEAT_AFTER_MS = 500;

/** What the other addresses of a server really do, seen from a throwaway socket. */
export interface Alternates {
  /** How each of them saw the socket; `undefined` where none answered. */
  readonly other: TransportAddress | undefined;
  readonly otherIp: TransportAddress | undefined;
  readonly otherPort: TransportAddress | undefined;
  /** Whether it answers from elsewhere where the way for that answer was opened before. */
  readonly change: ChangeProof;
}

/**
 * `works`: such an answer came. `fails`: none came although nothing stood in its way. `cannot-tell`: its way could not be
 * opened from here. `misbehaves`: an answer came from a wrong place.
 */
export type ChangeProof = 'works' | 'fails' | 'cannot-tell' | 'misbehaves';

/**
 * Confirms that B:P1, B:P2 and A:P2 answer, and that the server really sends answers from B:P2 and A:P2 when asked to. For the
 * latter the socket first sends there itself, so that no filter is in the way, and where the NAT gave it another port for that,
 * it asks with RESPONSE-PORT for the answer to come to that one. Without this proof, silence would say nothing about filters.
 */
export async function tryAlternates(path: Path, server: DiscoveryServer): Promise<Alternates> {
  const opened = await path.open();
  if (!opened.ok) return { other: undefined, otherIp: undefined, otherPort: undefined, change: 'cannot-tell' };
  const socket = opened.value;
  const retransmission = probeRetransmission(server.roundTripMs);
  const ask = async (to: TransportAddress) => {
    const answer = await socket.ask(to, { retransmission });
    return answer.ok ? answer.value.mappedAddress : undefined;
  };
  const [primary, otherIp, other, otherPort] = await Promise.all([
    ask(server.primary),
    ask(server.otherIp),
    ask(server.other),
    ask(server.otherPort),
  ]);
  const proofs = await Promise.all([
    proveChange(path, socket, server, 'both', primary, other),
    proveChange(path, socket, server, 'port', primary, otherPort),
  ]);
  socket.close();
  const strongest = (['misbehaves', 'works', 'fails'] as const).find((proof) => proofs.includes(proof));
  return { other, otherIp, otherPort, change: strongest ?? 'cannot-tell' };
}

async function proveChange(
  path: Path,
  socket: ProbeSocket,
  server: DiscoveryServer,
  change: 'both' | 'port',
  primary: TransportAddress | undefined,
  opened: TransportAddress | undefined,
): Promise<ChangeProof> {
  if (primary === undefined || opened === undefined || !sameAddress(primary.ip, opened.ip)) return 'cannot-tell';
  const responsePort = sameEndpoint(primary, opened) ? undefined : opened.port;
  const [first, second] = await twice(path, () => askForChange(socket, server, change, responsePort));
  const outcomes = [first, second];
  if (outcomes.includes('answered')) return 'works';
  if (outcomes.includes('ignored') || outcomes.includes('elsewhere')) return 'misbehaves';
  // A server may know CHANGE-REQUEST and refuse RESPONSE-PORT.
  if (outcomes.includes('refused')) return responsePort === undefined ? 'misbehaves' : 'cannot-tell';
  if (outcomes.includes('unclear')) return 'cannot-tell';
  if (responsePort === undefined) return 'fails';
  return (await ignoresResponsePort(socket, server)) ? 'cannot-tell' : 'fails';
}

/** The discard port, at which nobody waits for an answer (RFC 863). */
const DISCARD = 9;

/** Whether an answer comes back although it was asked to go elsewhere. */
async function ignoresResponsePort(socket: ProbeSocket, server: DiscoveryServer): Promise<boolean> {
  const answer = await socket.ask(server.primary, {
    write: (writer) => writeResponsePort(writer, DISCARD),
    retransmission: probeRetransmission(server.roundTripMs),
  });
  return answer.ok || answer.error.kind === 'error-response';
}

/** Does something now, and again a little later whether or not the first is over. */
export function twice<T>(path: Path, run: () => Promise<T>): Promise<[T, T]> {
  return Promise.all([run(), path.sleep(REPEAT_AFTER_MS).then(run)]);
}
