import { namesInWords } from '../../client/certificate.ts';
import type { MessageSocket } from '../../client/message-socket.ts';
import { describeFailure, type RequestFailure } from '../../client/request-failure.ts';
import type { Result } from '../../client/result.ts';
import { type BindingAnswer, StunClient } from '../../client/stun-client.ts';
import type { TcpConnection } from '../../client/tcp-connection.ts';
import type { TransportError } from '../../client/transport-error.ts';
import type { TransportAddress } from '../../stun/ip-address.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { type Attempt, type AttemptResult, attemptRetransmission, CONNECT_MS, withoutConnection } from './attempt.ts';
import { judgeCertificate } from './judge-certificate.ts';

/** Connects over TCP and sends a Binding request. */
export async function attemptTcp(network: DiagnosisNetwork, attempt: Attempt): Promise<AttemptResult> {
  const connection = await network.connectTcp(attempt.server, CONNECT_MS);
  if (!connection.ok) return withoutConnection(connection.error);
  return { ...(await speakPlain(network, attempt, connection.value)), connected: true };
}

async function speakPlain(
  network: DiagnosisNetwork,
  { server, isStunPort }: Attempt,
  connection: TcpConnection,
): Promise<AttemptResult> {
  const answer = await ask(network, connection.plain(), server);
  if (answer.ok) return { outcome: 'open', detail: 'A STUN server answers.', mapped: answer.value.mappedAddress.ip };
  const { error } = answer;
  if (error.kind === 'timeout') {
    return { outcome: 'dropped', detail: 'The connection is made, and nothing answers on it.', mayBeOtherwise: true };
  }
  if (error.kind !== 'connection-failed') {
    return { outcome: 'open', detail: `A STUN server answers: ${describeFailure(error)}.` };
  }
  return error.error.kind === 'not-stun' ? foreign(error.error, isStunPort) : closed(error.error);
}

/** Connects over TLS, looks whose certificate is shown, and sends a Binding request. */
export async function attemptTls(network: DiagnosisNetwork, attempt: Attempt): Promise<AttemptResult> {
  const connection = await network.connectTcp(attempt.server, CONNECT_MS);
  if (!connection.ok) return withoutConnection(connection.error);
  return { ...(await speakTls(network, attempt, connection.value)), connected: true };
}

async function speakTls(
  network: DiagnosisNetwork,
  attempt: Attempt,
  connection: TcpConnection,
): Promise<AttemptResult> {
  const { server, host } = attempt;
  const handshake = await connection.secure({ serverName: host });
  if (!handshake.ok) return withoutTls(network, attempt, handshake.error);
  const { socket, session } = handshake.value;
  const answer = await ask(network, socket, server);
  const shown = `${session.protocol}, certificate of ${namesInWords(session.certificate)}`;
  if (answer.ok) {
    const { mappedAddress } = answer.value;
    return { outcome: 'open', detail: `A STUN server answers (${shown}).`, mapped: mappedAddress.ip };
  }
  // The certificate proves that the way to the host is open; what the host does at this port is its own affair.
  return { outcome: 'open', detail: `TLS gets through (${shown}), but what is there does not answer STUN.` };
}

async function ask(
  { clock, random }: DiagnosisNetwork,
  socket: MessageSocket,
  server: TransportAddress,
): Promise<Result<BindingAnswer, RequestFailure>> {
  const client = new StunClient(socket, { clock, random, retransmission: attemptRetransmission });
  const answer = await client.binding(server);
  client.close();
  return answer;
}

function foreign({ speaks = 'unknown' }: TransportError, isStunPort: boolean): AttemptResult {
  if (speaks === 'tls') {
    return {
      outcome: 'not-tested',
      detail: 'What is there speaks TLS, so plain STUN cannot be tried.',
    };
  }
  const what = { http: 'A web server', ssh: 'An SSH server', unknown: 'Something that does not speak STUN' }[speaks];
  if (isStunPort) return { outcome: 'intercepted', detail: `${what} answers where STUN is expected.` };
  return { outcome: 'not-tested', detail: `${what} answers, which may be the host's own, so STUN cannot be tried.` };
}

function closed({ code }: TransportError): AttemptResult {
  return {
    outcome: 'rejected',
    detail: `The connection is made, and cut at the first message (${code}).`,
    mayBeOtherwise: true,
  };
}

async function withoutTls(network: DiagnosisNetwork, attempt: Attempt, error: TransportError): Promise<AttemptResult> {
  if (error.certificate !== undefined) return judgeCertificate(network, attempt, error, error.certificate);
  switch (error.kind) {
    case 'timed-out':
      return {
        outcome: 'dropped',
        detail: 'The connection is made, and nothing answers TLS on it.',
        mayBeOtherwise: true,
      };
    case 'not-tls':
      if (attempt.server.port === 80) {
        return { outcome: 'not-tested', detail: 'What is there does not speak TLS.', mayBeOtherwise: true };
      }
      return { outcome: 'intercepted', detail: 'What answers where TLS is expected is no TLS.', mayBeOtherwise: true };
    case 'tls-refused':
      return { outcome: 'rejected', detail: `What is there speaks TLS, and refuses it for STUN (${error.code}).` };
    default:
      return {
        outcome: 'rejected',
        detail: `The connection is made, and cut in the TLS handshake (${error.code}).`,
        mayBeOtherwise: true,
      };
  }
}
