/** The part of Allocate that has to wait: opening the relay sockets, trying other ports, and then the answer (RFC 8656 §7.2, §7.3). */
import { writeXorAddress } from '../stun/attributes/address.ts';
import { writeLifetime, writeReservationToken } from '../stun/attributes/allocation.ts';
import { writeAddressErrorCode } from '../stun/attributes/error-code.ts';
import { type AddressFamily, Attribute, ErrorCode } from '../stun/protocol.ts';
import { withdrawQuestion } from './admission.ts';
import { type Allocation, RelayedAddress, type Reservation } from './allocation.ts';
import { type AnswerContext, fail, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';
import { after, type Time } from './time.ts';

/**
 * Which port is wanted: any, an even one, or an even one with the next reserved (EVEN-PORT, RFC 8656 §18.6). A number is the
 * port of a reservation: it is the server's already, and no other will do.
 */
export type PortWish = 'any' | 'even' | 'even-and-next' | number;

/** Why a relay socket could not be opened. */
export type OpenFailure =
  /** Another program has the port: another port may do. */
  | 'port-in-use'
  /** Anything else, such as no descriptors or no such address: another port will not help. */
  | 'unavailable';

/** How many ports are tried when other programs hold them. */
const MAX_ATTEMPTS = 16;

/** One relayed address that an Allocate waits for; with its neighbour when the next port is reserved too. */
export class Opening {
  readonly family: AddressFamily;
  readonly wish: PortWish;
  attempts = 0;
  state: 'opening' | 'open' | 'failed' = 'opening';
  errorCode: ErrorCode = ErrorCode.insufficientCapacity;
  relayedAddresses: RelayedAddress[] = [];
  /** Ports that other programs turned out to have; kept out of the pool until the search is over. */
  readonly unusable: number[] = [];

  constructor(family: AddressFamily, wish: PortWish) {
    this.family = family;
    this.wish = wish;
  }
}

/** An Allocate whose sockets are not open yet. */
export interface PendingAllocate {
  readonly context: AnswerContext;
  readonly allocation: Allocation;
  readonly lifetimeSeconds: number;
  readonly openings: readonly Opening[];
  /** What becomes of the second port of `even-and-next`. */
  readonly reservation: Reservation | undefined;
}

/** What an Allocate may have. */
export interface OpeningWishes {
  readonly lifetimeSeconds: number;
  readonly family: AddressFamily;
  /** The second family of a dual allocation. */
  readonly additionalFamily: AddressFamily | undefined;
  readonly port: PortWish;
  /** What is to become of the port next to an even one. */
  readonly reservation: Reservation | undefined;
}

/** Starts to open what an Allocate asks for. */
export function openFor(
  state: ServerState,
  context: AnswerContext,
  allocation: Allocation,
  wishes: OpeningWishes,
  time: Time,
): void {
  const openings = [new Opening(wishes.family, wishes.port)];
  if (wishes.additionalFamily !== undefined) openings.push(new Opening(wishes.additionalFamily, 'any'));
  const { lifetimeSeconds, reservation } = wishes;
  const pending = { context, allocation, lifetimeSeconds, openings, reservation };
  for (const opening of openings) attempt(state, pending, opening);
  settle(state, pending, time);
}

/** The socket of a relayed address is open. */
export function relayOpened(state: ServerState, relayed: RelayedAddress, time: Time): void {
  const waiting = state.pendingAllocates.get(relayed);
  if (waiting === undefined || relayed.state !== 'opening') return;
  const { pending, opening } = waiting;
  state.relayIsLive(relayed);
  if (opening.relayedAddresses.every(({ state }) => state === 'open')) opening.state = 'open';
  settle(state, pending, time);
}

/** The socket of a relayed address could not be opened, or is gone before its Allocate was answered. */
export function relayFailed(state: ServerState, relayed: RelayedAddress, failure: OpenFailure, time: Time): void {
  const waiting = state.pendingAllocates.get(relayed);
  if (waiting === undefined) return;
  const { pending, opening } = waiting;
  if (relayed.state === 'opening') relayed.state = 'failed';
  const tryAnother = failure === 'port-in-use' && typeof opening.wish === 'string';
  if (tryAnother) keepAside(state, opening, relayed);
  closeSockets(state, opening);
  if (tryAnother) attempt(state, pending, opening);
  else opening.state = 'failed';
  settle(state, pending, time);
}

/** Ends an Allocate that is not answered yet. Its client hears nothing: it will ask again and be judged anew. */
export function abandonAllocate(state: ServerState, allocation: Allocation): void {
  withdrawQuestion(state, allocation);
  for (const { pending } of state.pendingAllocates.values()) {
    if (pending.allocation !== allocation) continue;
    for (const opening of pending.openings) {
      closeSockets(state, opening);
      giveBackUnusable(state, opening);
    }
    if (pending.reservation !== undefined) state.endReservation(pending.reservation);
    break;
  }
  forget(state, allocation);
}

/** Takes an allocation out that never was. */
function forget(state: ServerState, allocation: Allocation): void {
  state.removeAllocation(allocation);
  if (allocation.admitted) state.event({ kind: 'admission-unused', id: allocation.id });
}

/** Takes a port, or two, and asks for the sockets. */
function attempt(state: ServerState, pending: PendingAllocate, opening: Opening): void {
  const address = state.relayAddress(opening.family);
  const ports = address === undefined || opening.attempts++ >= MAX_ATTEMPTS ? [] : takePorts(state, opening);
  if (address === undefined || ports.length === 0) {
    if (address === undefined) opening.errorCode = ErrorCode.addressFamilyNotSupported;
    if (typeof opening.wish === 'number') state.shared.ports.release(opening.family, opening.wish);
    opening.state = 'failed';
    return;
  }
  opening.relayedAddresses = ports.map((port) => {
    const local = { ip: address.local, port };
    return new RelayedAddress(state.takeRelayId(), pending.allocation.transport, local, { ip: address.external, port });
  });
  opening.relayedAddresses[0]!.allocation = pending.allocation;
  for (const relayed of opening.relayedAddresses) {
    state.pendingAllocates.set(relayed, { pending, opening });
    state.emit({ kind: 'open-relay', relayedAddress: relayed });
  }
}

/** None when there are none that fit. */
function takePorts(state: ServerState, { wish, family }: Opening): number[] {
  const { random } = state.options;
  const { ports } = state.shared;
  if (typeof wish === 'number') return [wish];
  const pair = wish === 'even-and-next';
  const port = wish === 'any' ? ports.take(family, random) : ports.takeEven(family, pair, random);
  if (port === undefined) return [];
  return pair ? [port, port + 1] : [port];
}

/** Leaves a port that another program has out of the pool, so that it is not tried twice. */
function keepAside(state: ServerState, opening: Opening, relayed: RelayedAddress): void {
  opening.unusable.push(relayed.local.port);
  state.unusablePorts++;
  state.closeRelay(relayed, true);
}

function giveBackUnusable(state: ServerState, opening: Opening): void {
  for (const port of opening.unusable.splice(0)) {
    state.shared.ports.release(opening.family, port);
    state.unusablePorts--;
  }
}

/** Gives up the sockets of an opening, be they open or not. */
function closeSockets(state: ServerState, opening: Opening): void {
  for (const relayed of opening.relayedAddresses) {
    state.pendingAllocates.delete(relayed);
    state.closeRelay(relayed);
  }
  opening.relayedAddresses = [];
}

/** Answers as soon as nothing is left to wait for. */
function settle(state: ServerState, pending: PendingAllocate, time: Time): void {
  const { context, allocation, openings, lifetimeSeconds, reservation } = pending;
  if (openings.some((opening) => opening.state === 'opening')) return;
  for (const opening of openings) giveBackUnusable(state, opening);
  const open = openings.filter((opening) => opening.state === 'open');
  if (open.length === 0) {
    if (reservation !== undefined) state.endReservation(reservation);
    forget(state, allocation);
    const { errorCode } = openings[0]!;
    const refusal = refuse(errorCode, 'no relay socket could be opened');
    fail(state, context, refusal, time);
    state.event({
      kind: 'request-refused',
      method: context.method,
      code: errorCode,
      why: refusal.why,
      client: context.client,
      username: allocation.authenticated.username,
      peer: undefined,
    });
    return;
  }
  allocation.relayedAddresses = open.map(({ relayedAddresses }) => relayedAddresses[0]!);
  for (const opening of open) {
    for (const relayed of opening.relayedAddresses) state.pendingAllocates.delete(relayed);
    const [relayed, next] = opening.relayedAddresses;
    state.deadlines.set(relayed!.deadline, after(time.instant, lifetimeSeconds * 1000));
    if (next !== undefined && reservation !== undefined) state.reserve(reservation, next, time.instant);
  }
  const answer = succeed(state, context, (writer) => {
    for (const relayed of allocation.relayedAddresses) {
      writeXorAddress(writer, Attribute.xorRelayedAddress, relayed.external);
    }
    writeLifetime(writer, lifetimeSeconds);
    writeXorAddress(writer, Attribute.xorMappedAddress, context.client);
    if (reservation !== undefined) writeReservationToken(writer, reservation.token);
    for (const opening of openings) {
      if (opening.state === 'failed') writeAddressErrorCode(writer, opening.family, opening.errorCode);
    }
  });
  // It is kept for as long as the allocation, and must not hold on to the pool that short-lived buffers come from.
  allocation.answer = Buffer.allocUnsafeSlow(answer.length);
  answer.copy(allocation.answer);
  state.usage.began(allocation);
  state.event({ kind: 'allocation-created', allocation, lifetimeSeconds });
}
