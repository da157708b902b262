import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import { type OpenAllocationOptions, type OpenedAllocation, openAllocation } from '../client/open-allocation.ts';
import type { RequestFailure } from '../client/request-failure.ts';
import { failure, type Result, success } from '../client/result.ts';
import type { ServerEndpoint } from '../client/server-endpoint.ts';
import type { Advice } from '../ladder/advice.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { GatherDependencies } from './dependencies.ts';
import type { LocalAddress } from './local-addresses.ts';
import type { ProbeProblem } from './probe-problem.ts';
import { gatherRetransmission } from './retransmission.ts';
import { type ServerSocketOptions, ServerWay } from './server-socket.ts';

/** Where to ask for a relayed address: places of one server, over one transport and in one family. */
export interface RelaySearch {
  readonly endpoints: readonly ServerEndpoint[];
  readonly base: LocalAddress;
  readonly credentials: LongTermCredentials | undefined;
  readonly socketOptions: ServerSocketOptions;
  /** Told of the local address of each socket. */
  readonly onSocket: (local: TransportAddress) => void;
}

export interface OpenedRelay {
  readonly opened: OpenedAllocation;
  readonly flags: readonly Advice[];
}

/** Why there is no relayed address, and at which place that was. */
export type RelayFailure = { readonly endpoint: ServerEndpoint } & (
  | { readonly kind: 'no-socket'; readonly problem: ProbeProblem }
  | { readonly kind: 'request'; readonly reason: RequestFailure; readonly way: ServerWay }
);

/**
 * Gets a relayed address as browsers do, without naming a family: that is IPv4 (RFC 8656 §7.2). A server that is reached over IPv6 and
 * relays nothing else is asked for IPv6 then.
 */
export async function openRelay(
  search: RelaySearch,
  dependencies: GatherDependencies,
): Promise<Result<OpenedRelay, RelayFailure>> {
  const { endpoints, base, credentials, socketOptions, onSocket } = search;
  const { clock, random } = dependencies;
  const problems = new Map<ServerEndpoint, ProbeProblem>();
  let flags: readonly Advice[] = [];
  const wayTo = (endpoint: ServerEndpoint) => new ServerWay(endpoint, base, socketOptions, dependencies);
  const options: OpenAllocationOptions = {
    endpoints,
    clock,
    random,
    retransmission: gatherRetransmission(endpoints.length),
    signal: socketOptions.patience.signal,
    ...(credentials && { credentials }),
    open: async (endpoint) => {
      const socket = await wayTo(endpoint).open();
      if (socket.ok) {
        flags = socket.value.flags;
        onSocket(socket.value.socket.localAddress);
        return success(socket.value.socket);
      }
      problems.set(endpoint, socket.error.problem);
      return failure(socket.error.error);
    },
  };
  let opened = await openAllocation(options);
  if (!opened.ok && opened.error.kind === 'unsupported-family' && base.ip.family === AddressFamily.ipv6) {
    opened = await openAllocation({ ...options, allocate: { addressFamily: AddressFamily.ipv6 } });
  }
  if (opened.ok) return success({ opened: opened.value, flags });
  const { reason, attempts } = opened.error;
  const { endpoint } = attempts.findLast((attempt) => attempt.failure?.reason === reason) ?? attempts.at(-1)!;
  const problem = problems.get(endpoint);
  if (problem) return failure({ kind: 'no-socket', endpoint, problem });
  return failure({ kind: 'request', endpoint, reason, way: wayTo(endpoint) });
}
