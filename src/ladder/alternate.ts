/** Following a server that sends its clients to another one (RFC 8489 §10). */

import type { RequestFailure } from '../client/request-failure.ts';
import type { Result } from '../client/result.ts';
import type { TurnClient } from '../client/turn-client.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type Advice, advice } from './advice.ts';
import type { Failed } from './clients.ts';

/** As many as may follow one another. */
const MAX_HOPS = 5;

export interface Followed<T> {
  /** Of the server that did not send on. */
  readonly client: TurnClient;
  readonly answer: Result<T, RequestFailure>;
  /** Where the way led, in order. */
  readonly hops: readonly TransportAddress[];
}

/**
 * Asks a server, and where that sends the client on, the next one.
 *
 * @param open opens a client to another server.
 * @returns the answer of the last one; a problem when the way leads nowhere or in a circle.
 */
export async function followAlternates<T>(
  first: TurnClient,
  ask: (client: TurnClient) => Promise<Result<T, RequestFailure>>,
  open: (server: TransportAddress) => Promise<TurnClient | Failed>,
): Promise<Followed<T> | Failed> {
  const hops: TransportAddress[] = [];
  const visited = new Set([formatTransportAddress(first.server)]);
  for (let client = first; ; ) {
    const answer = await ask(client);
    const next = answer.ok ? undefined : alternateOf(answer.error);
    if (!next) {
      const isDead = hops.length > 0 && !answer.ok && isUnanswered(answer.error);
      return isDead ? failed(unreachableAlternate(client.server)) : { client, answer, hops };
    }
    const where = formatTransportAddress(next);
    if (visited.has(where)) return failed(circle(where));
    if (hops.length === MAX_HOPS) return failed(tooManyHops);
    visited.add(where);
    hops.push(next);
    const opened = await open(next);
    if ('passed' in opened) return { ...opened, problem: opened.problem };
    client = opened;
  }
}

/** A note about where the way led. */
export function alternateNote(hops: readonly TransportAddress[]): readonly Advice[] {
  if (hops.length === 0) return [];
  return [
    advice(
      'sent_elsewhere',
      `The server sends its clients on to ${hops.map(formatTransportAddress).join(', and from there to ')} (300); the steps from here on are about that one.`,
      'If that is meant to spread the load, there is nothing to do. Firewalls have to let clients go there too, and over TLS its certificate has to be for the host in the URL.',
    ),
  ];
}

function alternateOf(failure: RequestFailure): TransportAddress | undefined {
  return failure.kind === 'error-response' && failure.code === 300 ? failure.alternateServer : undefined;
}

function isUnanswered({ kind }: RequestFailure): boolean {
  return kind === 'timeout' || kind === 'unreachable';
}

function failed(problem: Advice): Failed {
  return { passed: false, detail: 'sent elsewhere (300)', problem };
}

function unreachableAlternate(server: TransportAddress): Advice {
  return advice(
    'alternate_unreachable',
    `The server sends its clients on to ${formatTransportAddress(server)} (300), where nothing answers.`,
    'Start that server and open its port, or take it out of the list of alternate servers (coturn: alternate-server).',
  );
}

function circle(where: string): Advice {
  return advice(
    'alternate_loop',
    `The servers send their clients in a circle (300): back to ${where}.`,
    'Let at least one of them serve its clients itself: look into their lists of alternate servers (coturn: alternate-server).',
  );
}

const tooManyHops = advice(
  'alternate_loop',
  `One server sends clients to the next, more than ${MAX_HOPS} times in a row (300).`,
  'Let the first one name a server that serves its clients itself (coturn: alternate-server).',
);
