import { describeTransportError } from '../client/transport-error.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import type { TurnClient } from '../client/turn-client.ts';
import { AddressFamily, ErrorCode } from '../stun/protocol.ts';
import { withAllocation } from './allocation-use.ts';
import { Arrivals } from './arrivals.ts';
import type { Listener, SecurityDependencies } from './dependencies.ts';
import { formsOf, type PeerForm } from './disguise.ts';
import { ownServiceAttempt, ownServiceFinding } from './own-service.ts';
import { type AttemptOutcome, notMade, type PeerAttempt } from './peer-attempt.ts';
import { isOnThisHost, peerFinding } from './peer-finding.ts';
import type { SecurityFinding } from './report.ts';
import type { SecurityTarget } from './targets.ts';
import { type TcpAttempt, tryOverTcp } from './tcp-attempts.ts';
import { type TimeLimit, timeIsOver } from './time-limit.ts';
import { tryOverUdp, type UdpAttempt } from './udp-attempts.ts';

/** A target, and what listens there or why nothing can. */
interface WatchedTarget {
  readonly target: SecurityTarget;
  readonly listener: Listener | undefined;
  readonly why: string;
}

/** Whether packets to this host get through a UDP relay: a finding for each target, and one for the port of the server itself. */
export async function forbiddenPeers(dependencies: SecurityDependencies, limit: TimeLimit): Promise<SecurityFinding[]> {
  const arrivals = new Arrivals(dependencies.random);
  const watched = await watch(dependencies, 'udp');
  for (const { listener } of watched) if (listener) listener.onArrival = (bytes) => arrivals.note(bytes);
  const ownService = ownServiceAttempt(dependencies.server);
  const perTarget = watched.map(({ target, listener }) =>
    attemptsAt(target, listener, (form, { address: { port } }): UdpAttempt => ({ ...form, port, payload: plainToken })),
  );
  const outcomes = await attemptAll(dependencies, limit, 'udp', [...perTarget.flat(), ownService], (...use) =>
    tryOverUdp(...use, arrivals, limit),
  );
  closeAll(watched);
  return [
    ...watched.map((one, i) => findingOf(dependencies, 'forbidden-peer', one, outcomesOf(outcomes, perTarget[i]!))),
    ownServiceFinding(dependencies.server, outcomes.get(ownService)!),
  ];
}

/** Whether connections to this host come about through a TCP relay (RFC 6062), which only clients over TCP or TLS can have. */
export async function forbiddenTcpPeers(
  dependencies: SecurityDependencies,
  limit: TimeLimit,
): Promise<SecurityFinding[]> {
  if (dependencies.transport === 'udp') return [overUdp];
  const watched = await watch(dependencies, 'tcp');
  const perTarget = watched.map(({ target, listener }) => tcpAttemptsAt(target, listener));
  const outcomes = await attemptAll(dependencies, limit, 'tcp', perTarget.flat(), (...use) =>
    tryOverTcp(...use, limit),
  );
  closeAll(watched);
  if (outcomes.size > 0 && [...outcomes.values()].every(hasNoTcpRelays)) return [noTcpRelays];
  return watched.map((one, i) =>
    findingOf(dependencies, 'forbidden-tcp-peer', one, outcomesOf(outcomes, perTarget[i]!)),
  );
}

function tcpAttemptsAt(target: SecurityTarget, listener: Listener | undefined): TcpAttempt[] {
  const connections = listener ? counterOf(listener) : () => 0;
  return attemptsAt(target, listener, (form, { address: { port } }) => ({ ...form, port, connections }));
}

const overUdp: SecurityFinding = {
  subject: 'forbidden-tcp-peer',
  state: 'not-tested',
  detail: 'only a client over TCP or TLS can ask for it',
  facts: { transport: 'udp' },
  advice: {
    code: 'needs_stream',
    cause:
      'Servers that relay TCP (RFC 6062) do so only for clients that come over TCP or TLS, and this one came over UDP.',
    fix: 'Run this again with ?transport=tcp or with turns:, if the server takes such clients.',
  },
};

const noTcpRelays: SecurityFinding = {
  subject: 'forbidden-tcp-peer',
  state: 'safe',
  detail: 'the server has no TCP relays (442)',
  facts: { allocation: ErrorCode.unsupportedTransportProtocol },
};

function hasNoTcpRelays({ requests }: AttemptOutcome): boolean {
  return requests.every(
    ([, outcome]) => outcome.kind === 'refused' && outcome.code === ErrorCode.unsupportedTransportProtocol,
  );
}

function plainToken(token: Buffer): Buffer {
  return token;
}

function counterOf(listener: Listener): () => number {
  let connections = 0;
  listener.onArrival = () => {
    connections++;
  };
  return () => connections;
}

async function watch({ targets, listen }: SecurityDependencies, protocol: 'udp' | 'tcp'): Promise<WatchedTarget[]> {
  return Promise.all(
    targets.map(async (target) => {
      const opened = await listen(target, protocol);
      return opened.ok
        ? { target, listener: opened.value, why: '' }
        : { target, listener: undefined, why: `cannot listen there: ${describeTransportError(opened.error)}` };
    }),
  );
}

function closeAll(watched: readonly WatchedTarget[]): void {
  for (const { listener } of watched) listener?.close();
}

/** One attempt for each way to write the target's address. */
function attemptsAt<A extends PeerAttempt>(
  target: SecurityTarget,
  listener: Listener | undefined,
  make: (form: PeerForm, listener: Listener) => A,
): A[] {
  return listener ? formsOf(target).map((form) => make(form, listener)) : [];
}

/** Makes all attempts: first those at IPv4 peers, then those at IPv6 peers, each family on an allocation of its own. */
async function attemptAll<A extends PeerAttempt>(
  dependencies: SecurityDependencies,
  limit: TimeLimit,
  protocol: 'udp' | 'tcp',
  attempts: readonly A[],
  attempt: (allocation: TurnAllocation, client: TurnClient, some: readonly A[]) => Promise<AttemptOutcome[]>,
): Promise<Map<A, AttemptOutcome>> {
  const outcomes = new Map<A, AttemptOutcome>();
  for (const family of [AddressFamily.ipv4, AddressFamily.ipv6]) {
    const some = attempts.filter(({ ip }) => ip.family === family);
    if (some.length === 0) continue;
    const made = limit.isOver
      ? undefined
      : await withAllocation(dependencies, { family, protocol }, (allocation, client) =>
          attempt(allocation, client, some),
        );
    for (const [i, one] of some.entries()) {
      const outcome = made?.ok ? made.value[i]! : notMade(one, made?.error ?? timeIsOver);
      outcomes.set(one, outcome);
    }
  }
  return outcomes;
}

function outcomesOf<A>(outcomes: ReadonlyMap<A, AttemptOutcome>, attempts: readonly A[]): AttemptOutcome[] {
  return attempts.map((attempt) => outcomes.get(attempt)!);
}

function findingOf(
  { server, hostAddresses }: SecurityDependencies,
  subject: 'forbidden-peer' | 'forbidden-tcp-peer',
  { target, listener, why }: WatchedTarget,
  outcomes: readonly AttemptOutcome[],
): SecurityFinding {
  const { ip, addressClass } = target;
  const sameHost = isOnThisHost(hostAddresses, server.ip);
  const about = { subject, ip, addressClass, sameHost };
  if (listener) return peerFinding(about, outcomes);
  return peerFinding(about, [notMade({ ip, port: 0, disguise: 'none' }, { kind: 'unknown', why })]);
}
