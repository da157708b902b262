import type { TurnAllocation } from '../client/turn-allocation.ts';
import type { TurnClient } from '../client/turn-client.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { Attribute, ErrorCode, Method } from '../stun/protocol.ts';
import { type AttemptOutcome, isRelayOf, notMade, type PeerAttempt, type Way } from './peer-attempt.ts';
import { outcomeOf, type RequestOutcome } from './request-outcome.ts';
import { aFewAtATime, pause, type TimeLimit, timeIsOver } from './time-limit.ts';

/** An attempt to have the server connect to a listener of this host. */
export interface TcpAttempt extends PeerAttempt {
  /** How many connections the listener has had so far. */
  readonly connections: () => number;
}

/** Milliseconds for a connection that the server has made to be seen here too. */
const toArriveMs = 300;
const requestsAtOnce = 4;

/** Has the server connect to each peer (RFC 6062 §4.3). Connections that come about are closed with the allocation. */
export async function tryOverTcp(
  allocation: TurnAllocation,
  client: TurnClient,
  attempts: readonly TcpAttempt[],
  limit: TimeLimit,
): Promise<AttemptOutcome[]> {
  // Several disguises lead to one listener, which cannot tell them apart: they take turns.
  const outcomes = new Map<TcpAttempt, AttemptOutcome>();
  const ports = [...new Set(attempts.map(({ port }) => port))];
  await aFewAtATime(ports, requestsAtOnce, async (port) => {
    for (const attempt of attempts.filter((one) => one.port === port)) {
      const outcome = limit.isOver ? notMade(attempt, timeIsOver) : await tryOne(allocation, client, attempt);
      outcomes.set(attempt, outcome);
    }
  });
  return attempts.map((attempt) => outcomes.get(attempt)!);
}

async function tryOne(allocation: TurnAllocation, client: TurnClient, attempt: TcpAttempt): Promise<AttemptOutcome> {
  const { ip, port, disguise } = attempt;
  const before = attempt.connections();
  const permission = outcomeOf(await allocation.createPermission([attempt]));
  const connection = await connect(client, attempt);
  if (connection.kind === 'granted' && attempt.connections() === before) await pause(client.stun.clock, toArriveMs);
  const arrivedBy: Way[] = attempt.connections() > before ? ['connection'] : [];
  return {
    peer: { ip, port },
    disguise,
    isRelay: isRelayOf(attempt, allocation.granted.relayedAddresses),
    requests: [
      ['permission', permission],
      ['connection', connection],
    ],
    arrivedBy,
  };
}

/** Granted also when the server tried and failed (447), or has done it already (446). */
async function connect(client: TurnClient, attempt: TcpAttempt): Promise<RequestOutcome> {
  const answer = await client.requests.request(Method.connect, (writer) =>
    writeXorAddress(writer, Attribute.xorPeerAddress, attempt),
  );
  const { connectionTimeoutOrFailure, connectionAlreadyExists } = ErrorCode;
  if (!answer.ok && answer.error.kind === 'error-response') {
    const { code } = answer.error;
    if (code === connectionTimeoutOrFailure || code === connectionAlreadyExists) return { kind: 'granted' };
  }
  return outcomeOf(answer);
}
