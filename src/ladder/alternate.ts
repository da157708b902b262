/** Following a server that sends its clients to another one (RFC 8489 §10). */

import { redirectedFrom } from '../client/redirection.ts';
import type { RequestFailure } from '../client/request-failure.ts';
import type { Result } from '../client/result.ts';
import type { ServerEndpoint } from '../client/server-endpoint.ts';
import type { TurnClient } from '../client/turn-client.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { ErrorCode } from '../stun/protocol.ts';
import { type Advice, advice } from './advice.ts';
import type { Failed, LadderClients } from './clients.ts';

/** As many as may follow one another. */
const MAX_HOPS = 5;

export interface Followed<T> {
  /** Of the server that did not send on. */
  readonly client: TurnClient;
  readonly answer: Result<T, RequestFailure>;
  /** Where the way led, in order. */
  readonly hops: readonly ServerEndpoint[];
}

/**
 * Asks a server, and where that sends the client on, the next one.
 *
 * @param clients opens the clients of the other servers.
 * @returns the answer of the last one; a problem when the way leads nowhere or in a circle.
 */
export async function followAlternates<T>(
  first: TurnClient,
  ask: (client: TurnClient) => Promise<Result<T, RequestFailure>>,
  clients: LadderClients,
): Promise<Followed<T> | Failed> {
  const hops: ServerEndpoint[] = [];
  const visited = new Set([formatTransportAddress(first.server)]);
  for (let client = first; ; ) {
    const answer = await ask(client);
    const next = answer.ok ? undefined : redirectedFrom(clients.reach.endpointAt(client.server), answer.error);
    if (!next) {
      const problem = answer.ok ? undefined : deadEnd(answer.error, client.server, hops.length > 0);
      return problem ? failed(problem) : { client, answer, hops };
    }
    const where = formatTransportAddress(next.address);
    if (visited.has(where)) return failed(circle(where));
    if (hops.length === MAX_HOPS) return failed(tooManyHops);
    visited.add(where);
    hops.push(next);
    clients.reach.redirectedTo(next);
    const opened = await clients.open(next.address);
    if ('passed' in opened) return { ...opened, problem: opened.problem };
    client = opened;
  }
}

/** A note about where the way led. */
export function alternateNote(hops: readonly ServerEndpoint[]): readonly Advice[] {
  if (hops.length === 0) return [];
  return [
    advice(
      'sent_elsewhere',
      `The server sends its clients on to ${hops.map(describe).join(', and from there to ')} (300); the steps from here on are about that one.`,
      'If that is meant to spread the load, there is nothing to do. Firewalls have to let clients go there too, and over TLS its certificate has to be for the host in the URL, or for the name that the first server gives with it (ALTERNATE-DOMAIN).',
    ),
  ];
}

/** Over TLS with the name that the certificate has to be for, where that is given with the address. */
function describe({ transport, address, host, serverName }: ServerEndpoint): string {
  const where = formatTransportAddress(address);
  return transport === 'tls' && host === serverName && host !== address.ip.text ? `${where} (${host})` : where;
}

/** Where the way ends that a 300 has begun; `undefined` for answers that have nothing to do with it. */
function deadEnd(failure: RequestFailure, server: TransportAddress, wasSentOn: boolean): Advice | undefined {
  if (wasSentOn && isUnanswered(failure)) return unreachableAlternate(server);
  if (failure.kind !== 'error-response' || failure.code !== ErrorCode.tryAlternate) return undefined;
  return failure.alternateServer && unusableAlternate(failure.alternateServer);
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

function unusableAlternate(server: TransportAddress): Advice {
  return advice(
    'alternate_unusable',
    `The server sends its clients on to ${formatTransportAddress(server)} (300), and clients do not follow: it is an address of their own machine, of nobody, or of another address family than that of this server.`,
    'Name an address there that clients can reach, of the same family (coturn: alternate-server), or take it out.',
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
