import type { Clock } from '../client/clock.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import type { TurnClient } from '../client/turn-client.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { Attribute, Method } from '../stun/protocol.ts';
import type { Arrivals } from './arrivals.ts';
import { type AttemptOutcome, isRelayOf, notMade, type PeerAttempt, type Way } from './peer-attempt.ts';
import { outcomeOf, type RequestOutcome } from './request-outcome.ts';
import { aFewAtATime, pause, type TimeLimit, timeIsOver } from './time-limit.ts';

/** An attempt to send datagrams, and what they hold to be recognised by. */
export interface UdpAttempt extends PeerAttempt {
  readonly payload: (token: Buffer) => Buffer;
}

/** Milliseconds between what is sent unasked and the first request: were it overtaken, it would no longer be unasked. */
const beforeAskingMs = 50;
/** Milliseconds for what was sent to arrive; then what is missing is sent once more, since the way there may lose it. */
const toArriveMs = [300, 500] as const;
const requestsAtOnce = 4;

/** Tries each peer in all ways that a UDP allocation has: nothing asked, a channel, a permission (RFC 8656 §9, §11, §12). */
export async function tryOverUdp(
  allocation: TurnAllocation,
  client: TurnClient,
  attempts: readonly UdpAttempt[],
  arrivals: Arrivals,
  limit: TimeLimit,
): Promise<AttemptOutcome[]> {
  const { clock } = client.stun;
  allocation.onData = (_peer, bytes) => arrivals.note(bytes);
  const tries = attempts.map((attempt) => new Try(attempt, allocation, client, arrivals));
  for (const one of tries) one.sendUnasked();
  await pause(clock, beforeAskingMs);
  await aFewAtATime(tries, requestsAtOnce, (one) => (limit.isOver ? undefined : one.ask()));
  await waitForAll(tries, clock);
  return tries.map((one) => one.outcome());
}

async function waitForAll(tries: readonly Try[], clock: Clock): Promise<void> {
  const [first, second] = toArriveMs;
  await pause(clock, first);
  const missing = tries.filter((one) => one.isWaiting());
  if (missing.length === 0) return;
  for (const one of missing) one.sendAgain();
  await pause(clock, second);
}

/** One peer on one allocation. */
class Try {
  readonly #attempt: UdpAttempt;
  readonly #allocation: TurnAllocation;
  readonly #client: TurnClient;
  readonly #arrivals: Arrivals;
  readonly #tokens: ReadonlyMap<Way, Buffer>;
  #channel: number | undefined;
  readonly #requests: [Way, RequestOutcome][] = [];

  constructor(attempt: UdpAttempt, allocation: TurnAllocation, client: TurnClient, arrivals: Arrivals) {
    this.#attempt = attempt;
    this.#allocation = allocation;
    this.#client = client;
    this.#arrivals = arrivals;
    const ways: readonly Way[] = ['unasked', 'channel', 'permission'];
    this.#tokens = new Map(ways.map((way) => [way, arrivals.token()]));
  }

  sendUnasked(): void {
    this.#indicate('unasked');
  }

  async ask(): Promise<void> {
    // The channel first: a ChannelBind is also a permission (RFC 8656 §12.1), and so this one had none before it.
    const bound = await this.#allocation.bindChannel(this.#attempt);
    this.#requests.push(['channel', outcomeOf(bound)]);
    if (bound.ok) this.#channel = bound.value;
    const permitted = await this.#allocation.createPermission([this.#attempt]);
    this.#requests.push(['permission', outcomeOf(permitted)]);
    this.#send();
  }

  /** Whether something that the server agreed to relay has not arrived. */
  isWaiting(): boolean {
    return this.#requests.some(([way, { kind }]) => kind === 'granted' && !this.#arrived(way));
  }

  sendAgain(): void {
    this.#send();
  }

  outcome(): AttemptOutcome {
    const { ip, port, disguise } = this.#attempt;
    if (this.#requests.length === 0 && !this.#arrived('unasked')) return notMade(this.#attempt, timeIsOver);
    return {
      peer: { ip, port },
      disguise,
      isRelay: isRelayOf(this.#attempt, this.#allocation.granted.relayedAddresses),
      requests: this.#requests,
      arrivedBy: [...this.#tokens.keys()].filter((way) => this.#arrived(way)),
    };
  }

  #send(): void {
    const { payload } = this.#attempt;
    if (this.#channel !== undefined)
      this.#allocation.sendOnChannel(this.#channel, payload(this.#tokens.get('channel')!));
    if (this.#requests.some(([way, { kind }]) => way === 'permission' && kind === 'granted'))
      this.#indicate('permission');
  }

  /** In a Send indication even where a channel is bound, which the allocation itself would rather use. */
  #indicate(way: Way): void {
    this.#client.stun.indication(this.#client.server, Method.send, (writer) => {
      writeXorAddress(writer, Attribute.xorPeerAddress, this.#attempt);
      writer.attribute(Attribute.data, this.#attempt.payload(this.#tokens.get(way)!));
    });
  }

  #arrived(way: Way): boolean {
    return this.#arrivals.has(this.#tokens.get(way)!);
  }
}
