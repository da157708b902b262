import { type ChangeRequest, writeChangeRequest, writeResponsePort } from '../../stun/attributes/nat-behavior.ts';
import type { TransportAddress } from '../../stun/ip-address.ts';
import type { DiscoveryServer } from '../servers/server-qualification.ts';
import type { Path, ProbeSocket } from './path.ts';
import { probeRetransmission } from './probe-retransmission.ts';
import { sameEndpoint } from './sighting.ts';
import type { UnsolicitedSocket } from './unsolicited.ts';

/** What became of a request to answer from elsewhere (RFC 5780 §7.2). */
export type ChangeOutcome =
  /** The answer came from exactly where it should. */
  | 'answered'
  /** Nothing came, although a plain request was answered afterwards. */
  | 'silent'
  /** The answer came from where the request went: the server ignores CHANGE-REQUEST. */
  | 'ignored'
  /** The answer came from somewhere else again. */
  | 'elsewhere'
  /** The server said no. */
  | 'refused'
  /** Nothing can be said: no socket, no time, or the server had stopped answering. */
  | 'unclear';

/** What may be changed: both address and port, or the port. */
export type Change = 'both' | 'port';

const flags: Readonly<Record<Change, ChangeRequest>> = {
  both: { changeIp: true, changePort: true },
  port: { changeIp: false, changePort: true },
};

/** Where the answer to a change has to come from. */
export function answersFrom(server: DiscoveryServer, change: Change): TransportAddress {
  return change === 'both' ? server.other : server.otherPort;
}

/**
 * Asks for an answer from elsewhere on a socket of its own, which has never sent anything anywhere else. The request comes
 * first, so that a server that limits its answers has no reason yet to drop it; a plain one afterwards makes silence count.
 *
 * @param onSilence is given the socket where nothing came, and then has to close it.
 */
export async function probeChange(
  path: Path,
  server: DiscoveryServer,
  change: Change,
  onSilence: (still: UnsolicitedSocket) => void = ({ socket }) => socket.close(),
): Promise<ChangeOutcome> {
  const opened = await path.open();
  if (!opened.ok) return 'unclear';
  const socket = opened.value;
  const outcome = await askForChange(socket, server, change);
  const plain = outcome === 'silent' ? await socket.askPlainly(server.primary, server) : undefined;
  if (plain?.ok) {
    onSilence({ socket, mapped: plain.value.mappedAddress });
    return 'silent';
  }
  socket.close();
  return outcome === 'silent' ? 'unclear' : outcome;
}

/**
 * Asks once for an answer from elsewhere.
 *
 * @param responsePort where at this host's outside address the answer is to go, if not back (RFC 5780 §7.5).
 */
export async function askForChange(
  socket: ProbeSocket,
  server: DiscoveryServer,
  change: Change,
  responsePort?: number,
): Promise<ChangeOutcome> {
  const answer = await socket.ask(server.primary, {
    write: (writer) => {
      writeChangeRequest(writer, flags[change]);
      if (responsePort !== undefined) writeResponsePort(writer, responsePort);
    },
    retransmission: probeRetransmission(server.roundTripMs),
    fromAnywhere: true,
    attempts: 1,
  });
  if (answer.ok) {
    if (sameEndpoint(answer.value.from, answersFrom(server, change))) return 'answered';
    return sameEndpoint(answer.value.from, server.primary) ? 'ignored' : 'elsewhere';
  }
  if (answer.error.kind === 'timeout') return 'silent';
  return answer.error.kind === 'error-response' ? 'refused' : 'unclear';
}
