import {
  isAddressFamily,
  readAddressFamily,
  readEvenPort,
  readLifetime,
  readRequestedTransport,
  readReservationToken,
} from '../stun/attributes/allocation.ts';
import type { StunMessage } from '../stun/message.ts';
import { AddressFamily, Attribute, attributeName, ErrorCode, TransportProtocol } from '../stun/protocol.ts';
import { askAdmission, asksAdmission } from './admission.ts';
import { Allocation, type RelayTransport, type Reservation, type UserAccount } from './allocation.ts';
import { Drop } from './drop-reason.ts';
import { grantedLifetime } from './lifetime.ts';
import { openFor, type PortWish } from './open-relay.ts';
import { type AuthenticatedRequest, answerContext, type Refusal, refuse } from './request.ts';
import type { ServerState } from './server-state.ts';
import type { Rejection } from './shared/admissions.ts';
import { TokenBucket, TrafficAllowance } from './token-bucket.ts';

/** What a well-formed Allocate asks for. */
interface Wishes {
  readonly transport: RelayTransport;
  readonly lifetimeSeconds: number;
  /** A new relayed address, or the token of one that an earlier Allocate has reserved. */
  readonly address: AddressWish | Buffer;
}

interface AddressWish {
  readonly family: AddressFamily;
  /** The second family of a dual allocation. */
  readonly additionalFamily: AddressFamily | undefined;
  readonly port: PortWish;
}

/** What an Allocate may have; it is counted to its user already. */
interface Grant extends AddressWish {
  readonly user: UserAccount;
  /** What is to become of the port next to an even one. */
  readonly reservation: Reservation | undefined;
}

/**
 * Makes an allocation (RFC 8656 §7.2). The answer goes out when its sockets are open.
 *
 * @param existing the allocation that the five-tuple has already.
 */
export function allocate(
  state: ServerState,
  request: AuthenticatedRequest,
  existing: Allocation | undefined,
): Refusal | undefined {
  if (existing !== undefined) return answerAgain(state, request, existing);
  if (state.draining) return sendElsewhere(state, request);
  const wishes = readWishes(state, request);
  if ('code' in wishes) return wishes;
  const { transport, lifetimeSeconds } = wishes;
  const grant = admit(state, request.authenticated.credential.user, wishes);
  if (typeof grant === 'string') return rejections[grant];

  const allocation = newAllocation(state, request, grant.user, transport);
  state.addAllocation(allocation);
  const context = answerContext(request, request.authenticated);
  const { family, additionalFamily, port, reservation } = grant;
  const opening = { family, additionalFamily, port, reservation, lifetimeSeconds };
  if (asksAdmission(state.admission, request.authenticated.credential)) {
    askAdmission(state, { context, allocation, wishes: opening });
  } else {
    openFor(state, context, allocation, opening, request.time);
  }
  return undefined;
}

/** A server that drains names another one of the client's transport and family, where it knows one (RFC 8489 §9.2.4, §14.15). */
function sendElsewhere(state: ServerState, { listener }: AuthenticatedRequest): Refusal {
  const { alternateServers, random } = state.options;
  const { family } = listener.local.ip;
  const others = alternateServers[listener.transport].filter(({ ip }) => ip.family === family);
  const why = 'the server is shutting down';
  if (others.length === 0) return refuse(ErrorCode.insufficientCapacity, why);
  return { code: ErrorCode.tryAlternate, why, alternateServer: others[random.below(others.length)]! };
}

/** RFC 8656 §7.2 step 2: a retransmission gets the same answer, any other Allocate on the same five-tuple gets 437. */
function answerAgain(state: ServerState, request: AuthenticatedRequest, existing: Allocation): Refusal | undefined {
  if (existing.transactionId !== request.message.transactionId.toString('latin1')) {
    return refuse(ErrorCode.allocationMismatch, 'the five-tuple has an allocation already');
  }
  if (existing.answer === undefined) {
    state.drop(Drop['request-in-progress']);
    return undefined;
  }
  state.emit({ kind: 'transmit', listener: request.listener, client: request.client, bytes: existing.answer });
  return undefined;
}

/** RFC 8656 §7.2 steps 3 to 9, in their order. */
function readWishes(state: ServerState, request: AuthenticatedRequest): Wishes | Refusal {
  const { message } = request;
  const transport = read(message, Attribute.requestedTransport, readRequestedTransport);
  if (transport === undefined || transport === MALFORMED) {
    return refuse(ErrorCode.badRequest, 'REQUESTED-TRANSPORT is missing or malformed');
  }
  if (transport === TransportProtocol.tcp) {
    const refusal = mayRelayTcp(state, request);
    if (refusal !== undefined) return refusal;
  } else if (transport !== TransportProtocol.udp) {
    return refuse(ErrorCode.unsupportedTransportProtocol, `transport protocol ${transport} is not offered`);
  }
  if (message.has(Attribute.mobilityTicket)) {
    return refuse(ErrorCode.mobilityForbidden, 'mobility is not offered');
  }
  const lifetime = read(message, Attribute.lifetime, readLifetime);
  const evenPort = read(message, Attribute.evenPort, readEvenPort);
  const token = read(message, Attribute.reservationToken, readReservationToken);
  const requested = read(message, Attribute.requestedAddressFamily, readAddressFamily);
  const additional =
    read(message, Attribute.additionalAddressFamily, readAddressFamily) ??
    read(message, Attribute.additionalAddressFamilyDraft, readAddressFamily);
  for (const value of [lifetime, evenPort, token, requested, additional]) {
    if (value === MALFORMED) return refuse(ErrorCode.badRequest, 'an attribute is malformed');
  }
  const lifetimeSeconds = grantedLifetime(state.options, lifetime as number | undefined);

  if (token !== undefined) {
    if (evenPort !== undefined || requested !== undefined || additional !== undefined) {
      return refuse(ErrorCode.badRequest, 'RESERVATION-TOKEN together with another choice of address');
    }
    return { transport: 'udp', lifetimeSeconds, address: token as Buffer };
  }
  if (requested !== undefined && additional !== undefined) {
    return refuse(ErrorCode.badRequest, 'REQUESTED- and ADDITIONAL-ADDRESS-FAMILY together');
  }
  const family = requested ?? AddressFamily.ipv4;
  if (!isAddressFamily(family as number) || state.relayAddress(family as AddressFamily) === undefined) {
    // A dual allocation may still get its other half (RFC 8656 §7.2 step 9).
    if (additional === undefined) {
      return refuse(ErrorCode.addressFamilyNotSupported, `no relay address of family ${String(family)}`);
    }
  }
  if (evenPort === true && additional !== undefined) {
    return refuse(ErrorCode.badRequest, 'EVEN-PORT with a reservation, and ADDITIONAL-ADDRESS-FAMILY');
  }
  if (additional !== undefined && additional !== AddressFamily.ipv6) {
    return refuse(ErrorCode.badRequest, 'ADDITIONAL-ADDRESS-FAMILY asks for anything but IPv6');
  }
  return {
    transport: transport === TransportProtocol.tcp ? 'tcp' : 'udp',
    lifetimeSeconds,
    address: {
      family: family as AddressFamily,
      additionalFamily: additional as AddressFamily | undefined,
      port: evenPort === undefined ? 'any' : evenPort ? 'even-and-next' : 'even',
    },
  };
}

/** RFC 6062 §5.1: TCP is relayed for clients that come over TCP or TLS, and has no use for what is about datagrams. */
function mayRelayTcp({ options }: ServerState, { listener, message }: AuthenticatedRequest): Refusal | undefined {
  if (!options.tcpRelays) return refuse(ErrorCode.unsupportedTransportProtocol, 'TCP relays are switched off');
  if (listener.transport === 'udp') return refuse(ErrorCode.badRequest, 'a TCP relay was asked for over UDP');
  for (const type of [Attribute.dontFragment, Attribute.evenPort, Attribute.reservationToken]) {
    if (message.has(type)) return refuse(ErrorCode.badRequest, `${attributeName(type)} with a TCP relay`);
  }
  return undefined;
}

const MALFORMED = Symbol('malformed');

/** The value of an attribute; `undefined` when it is absent. */
function read<T>(
  message: StunMessage,
  type: number,
  decode: (message: StunMessage, index: number) => T | undefined,
): T | typeof MALFORMED | undefined {
  const index = message.find(type);
  if (index < 0) return undefined;
  const value = decode(message, index);
  return value === undefined ? MALFORMED : value;
}

/** RFC 8656 §7.2 step 10. A reserved port counts like an allocation: it holds a port as well. */
function admit(state: ServerState, userId: string, { address }: Wishes): Grant | Rejection {
  if (!('port' in address)) {
    const redeemed = state.redeem(userId, address);
    if (typeof redeemed === 'string') return redeemed;
    const { account: user, family, port } = redeemed;
    return { user, family, port, additionalFamily: undefined, reservation: undefined };
  }
  const reservation = address.port === 'even-and-next' ? state.newReservation() : undefined;
  const user = state.admit(userId, reservation);
  if (typeof user === 'string') return user;
  const { family, additionalFamily, port } = address;
  return { family, additionalFamily, port, user, reservation };
}

const rejections: Readonly<Record<Rejection, Refusal>> = {
  'user-quota': refuse(ErrorCode.allocationQuotaReached, 'the user has as many allocations as it may'),
  'server-quota': refuse(ErrorCode.insufficientCapacity, 'the server has as many allocations as it may'),
  'no-reservation': refuse(ErrorCode.insufficientCapacity, 'the reservation does not exist or has expired'),
};

function newAllocation(
  state: ServerState,
  request: AuthenticatedRequest,
  user: UserAccount,
  transport: RelayTransport,
): Allocation {
  const { limits, random } = state.options;
  const now = request.time.instant;
  return new Allocation({
    id: random.bytes(8).toString('hex'),
    fiveTuple: { listener: request.listener, client: request.client },
    user,
    authenticated: request.authenticated,
    transactionId: request.message.transactionId.toString('latin1'),
    transport,
    createdAt: now,
    createdAtUnix: request.time.unix,
    traffic: TrafficAllowance.of(limits.perAllocation, now),
    newPeers: TokenBucket.of(limits.newPeers, now),
  });
}
