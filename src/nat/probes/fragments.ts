import { isErrorResponse } from '../../client/request-failure.ts';
import { writePadding } from '../../stun/attributes/nat-behavior.ts';
import { formatTransportAddress } from '../../stun/ip-address.ts';
import { Attribute, ErrorCode } from '../../stun/protocol.ts';
import { type Finding, notTested, unknown } from '../finding.ts';
import { twice } from '../servers/alternates.ts';
import type { DiscoveryServer } from '../servers/server-qualification.ts';
import { isHealthy, type Path, type ProbeSocket } from './path.ts';
import { probeRetransmission } from './probe-retransmission.ts';

/** As much padding as Ethernet carries in one packet, so that with the headers it takes two (RFC 5780 §4.7). */
const PADDING = 1500;
/** An answer with so much padding came in pieces too. */
const LARGE = 1452;

type Outcome = 'both-ways' | 'not-padded' | 'refused' | 'silent' | 'unclear';

/** Whether packets larger than an MTU get through in pieces, there and back (RFC 5780 §4.7). */
export async function findFragments(path: Path, server: DiscoveryServer): Promise<Finding<boolean>> {
  const startedAt = path.now();
  const outcomes = await twice(path, () => tryPadding(path, server));
  const at = formatTransportAddress(server.primary);
  const found = (value: boolean, evidence: string): Finding<boolean> => {
    const confidence = outcomes[0] === outcomes[1] ? 'high' : 'medium';
    return { state: 'found', value, confidence, evidence, elapsedMs: path.now() - startedAt };
  };
  if (outcomes.includes('both-ways'))
    return found(true, `A request and its answer of ${PADDING} bytes each got through.`);
  if (outcomes.includes('refused')) return notTested(`${at} does not know PADDING.`);
  if (outcomes.includes('not-padded')) return notTested(`${at} does not make its answers larger when asked to.`);
  if (outcomes.includes('unclear') || !isHealthy(path.healthOf(server.primary)))
    return unknown(`${at} did not answer reliably enough for its silence to mean anything.`);
  return found(false, `${at} answered plain requests, and none of ${PADDING} bytes.`);
}

async function tryPadding(path: Path, server: DiscoveryServer): Promise<Outcome> {
  const opened = await path.open();
  if (!opened.ok) return 'unclear';
  const socket = opened.value;
  const outcome = await askPadded(socket, server);
  const counts = outcome !== 'silent' || (await socket.askPlainly(server.primary, server)).ok;
  socket.close();
  return counts ? outcome : 'unclear';
}

async function askPadded(socket: ProbeSocket, server: DiscoveryServer): Promise<Outcome> {
  const answer = await socket.ask(server.primary, {
    write: (writer) => writePadding(writer, PADDING),
    retransmission: probeRetransmission(server.roundTripMs),
    attempts: 1,
  });
  if (answer.ok) {
    const { message } = answer.value;
    const index = message.find(Attribute.padding);
    return index >= 0 && message.lengthAt(index) >= LARGE ? 'both-ways' : 'not-padded';
  }
  if (isErrorResponse(answer.error, ErrorCode.unknownAttribute)) return 'refused';
  return answer.error.kind === 'timeout' ? 'silent' : 'unclear';
}
