import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { MessageClass, Method } from '../stun/protocol.ts';
import { classOf } from './address-class.ts';
import { adviseOnReach, adviseOnUntried } from './peer-advice.ts';
import { type AttemptOutcome, factsOf } from './peer-attempt.ts';
import type { SecurityFinding } from './report.ts';
import type { UdpAttempt } from './udp-attempts.ts';

/** An attempt to reach, through the relay, the port at which the server itself listens: a Binding request, which it answers. */
export function ownServiceAttempt(server: TransportAddress): UdpAttempt {
  return {
    ...server,
    disguise: 'none',
    payload: (token) => new MessageWriter().begin(MessageClass.request, Method.binding, token).finish(),
  };
}

/**
 * Where the server is public, reaching its own port through it is no more than everybody can do without it, and only said.
 * At any other address it is a forbidden peer like others there.
 */
export function ownServiceFinding(server: TransportAddress, outcome: AttemptOutcome): SecurityFinding {
  const where = `${formatTransportAddress(server)}, the server itself`;
  const addressClass = classOf(server.ip);
  const arrived = outcome.arrivedBy.length > 0;
  const facts = { target: formatTransportAddress(server), addressClass, ...factsOf(outcome) };
  const about = { subject: 'forbidden-peer', ip: server.ip, addressClass } as const;
  if (arrived && addressClass !== 'public') {
    const advice = adviseOnReach(about, outcome);
    return { subject: 'forbidden-peer', state: 'unsafe', detail: `${where}: reached`, facts, advice };
  }
  const unknown = outcome.requests.map(([, request]) => request).find(({ kind }) => kind === 'unknown');
  if (!arrived && unknown?.kind === 'unknown') {
    const advice = adviseOnUntried(about, unknown.why);
    return { subject: 'forbidden-peer', state: 'not-tested', detail: `${where}: ${unknown.why}`, facts, advice };
  }
  const how = arrived ? 'answers through its own relay as it answers everybody' : 'not reached through its own relay';
  return { subject: 'forbidden-peer', state: 'safe', detail: `${where}: ${how}`, facts };
}
