import { isAddressFamily, readAddressFamily, readLifetime, writeLifetime } from '../stun/attributes/allocation.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { Allocation, RelayedAddress } from './allocation.ts';
import { grantedLifetime } from './lifetime.ts';
import { type AuthenticatedRequest, answerContext, type Refusal, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';
import { after } from './time.ts';

/** Prolongs or ends an allocation, or the half of it that has the family asked for (RFC 8656 §8.2). */
export function refresh(
  state: ServerState,
  request: AuthenticatedRequest,
  allocation: Allocation,
): Refusal | undefined {
  const { message, time } = request;
  const relayedAddresses = chooseFamily(request, allocation);
  if ('code' in relayedAddresses) return relayedAddresses;

  const lifetimeIndex = message.find(Attribute.lifetime);
  const asked = lifetimeIndex < 0 ? undefined : readLifetime(message, lifetimeIndex);
  if (lifetimeIndex >= 0 && asked === undefined) return refuse(ErrorCode.badRequest, 'LIFETIME is malformed');

  const lifetime = asked === 0 ? 0 : grantedLifetime(state.options, asked);
  const context = answerContext(request, request.authenticated);
  for (const relayed of relayedAddresses) {
    if (lifetime === 0) state.endRelayedAddress(relayed, 'refreshed-to-zero', time.instant);
    else state.deadlines.set(relayed.deadline, after(time.instant, lifetime * 1000));
  }
  succeed(state, context, (writer) => writeLifetime(writer, lifetime));
  return undefined;
}

/** REQUESTED-ADDRESS-FAMILY picks one half of a dual allocation; without it the Refresh means both. */
function chooseFamily(request: AuthenticatedRequest, allocation: Allocation): readonly RelayedAddress[] | Refusal {
  const index = request.message.find(Attribute.requestedAddressFamily);
  if (index < 0) return [...allocation.relayedAddresses];
  const family = readAddressFamily(request.message, index);
  if (family === undefined) return refuse(ErrorCode.badRequest, 'REQUESTED-ADDRESS-FAMILY is malformed');
  const relayed = isAddressFamily(family) ? allocation.relayedAddress(family) : undefined;
  return relayed === undefined
    ? refuse(ErrorCode.peerAddressFamilyMismatch, 'the allocation has no address of the family asked for')
    : [relayed];
}
