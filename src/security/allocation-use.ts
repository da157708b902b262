import type { AllocateOptions } from '../client/allocate-request.ts';
import { describeFailure, type RequestFailure } from '../client/request-failure.ts';
import { failure, type Result, success } from '../client/result.ts';
import { describeTransportError } from '../client/transport-error.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import type { TurnClient } from '../client/turn-client.ts';
import { AddressFamily, ErrorCode, TransportProtocol } from '../stun/protocol.ts';
import type { SecurityDependencies } from './dependencies.ts';
import type { RequestOutcome } from './request-outcome.ts';

/** Which relayed address is wanted. */
export interface AllocationWish {
  readonly family: AddressFamily;
  readonly protocol: 'udp' | 'tcp';
}

/** Codes by which a server says that it has no such relays, for anybody. */
const noSuchRelay: ReadonlySet<number> = new Set([
  ErrorCode.addressFamilyNotSupported,
  ErrorCode.unsupportedTransportProtocol,
]);

/**
 * Does something with an allocation of its own, which is given back after it. There is one at a time, so that a quota of one
 * is enough.
 *
 * @returns what came of it, or why there was no allocation: `refused` only where the server has no such relays.
 */
export async function withAllocation<T>(
  { open, credentials }: SecurityDependencies,
  wish: AllocationWish,
  use: (allocation: TurnAllocation, client: TurnClient) => Promise<T>,
): Promise<Result<T, RequestOutcome>> {
  const opened = await open(credentials);
  if (!opened.ok) return failure({ kind: 'unknown', why: describeTransportError(opened.error) });
  const client = opened.value;
  const allocated = await client.allocate(optionsFor(wish));
  if (!allocated.ok) {
    client.close();
    return failure(withoutAllocation(wish, allocated.error));
  }
  const allocation = allocated.value;
  const fits = allocation.granted.relayedAddresses.some(({ ip }) => ip.family === wish.family);
  const used = fits ? success(await use(allocation, client)) : failure(noFamily);
  await allocation.close();
  client.close();
  return used;
}

/** Servers from before RFC 6156 know no address family and give IPv4 to everybody: that is asked for by saying nothing. */
function optionsFor({ family, protocol }: AllocationWish): AllocateOptions {
  return {
    ...(family === AddressFamily.ipv6 && { addressFamily: family }),
    ...(protocol === 'tcp' && { transportProtocol: TransportProtocol.tcp }),
  };
}

const noFamily: RequestOutcome = { kind: 'refused', code: ErrorCode.addressFamilyNotSupported };

function withoutAllocation({ family, protocol }: AllocationWish, error: RequestFailure): RequestOutcome {
  if (error.kind === 'error-response' && noSuchRelay.has(error.code)) return { kind: 'refused', code: error.code };
  const name = family === AddressFamily.ipv4 ? 'IPv4' : 'IPv6';
  return { kind: 'unknown', why: `no ${protocol === 'tcp' ? 'TCP ' : ''}${name} relay, ${describeFailure(error)}` };
}
