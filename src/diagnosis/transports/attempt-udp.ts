import { describeFailure } from '../../client/request-failure.ts';
import { StunClient } from '../../client/stun-client.ts';
import { systemError } from '../../client/transport-error.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { type Attempt, type AttemptResult, attemptRetransmission, withoutConnection } from './attempt.ts';

/** Sends a Binding request from a connected socket, which learns of refusals. */
export async function attemptUdp(network: DiagnosisNetwork, { server }: Attempt): Promise<AttemptResult> {
  const { clock, random, openUdp } = network;
  const socket = await openUdp({ family: server.ip.family, connectTo: server });
  if (!socket.ok) return withoutConnection(socket.error);
  const client = new StunClient(socket.value, { clock, random, retransmission: attemptRetransmission });
  let heard = false;
  client.onOther = () => {
    heard = true;
  };
  const answer = await client.binding(server);
  client.close();
  if (answer.ok) {
    return { outcome: 'open', detail: 'A STUN server answers.', mapped: answer.value.mappedAddress.ip };
  }
  const { error } = answer;
  switch (error.kind) {
    case 'unreachable':
      return withoutConnection(systemError(Object.assign(new Error(error.code), { code: error.code })));
    case 'timeout':
      if (heard) return { outcome: 'intercepted', detail: 'Something answers that does not speak STUN.' };
      return { outcome: 'dropped', detail: 'Nothing comes back.' };
    default:
      // It is an answer to this request, whatever it says.
      return { outcome: 'open', detail: `A STUN server answers: ${describeFailure(error)}.` };
  }
}
