import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { type Finding, unknown } from '../finding.ts';
import type { Greeting } from './greeting.ts';

export interface GreetedServer {
  readonly server: TransportAddress;
  readonly greeting: Greeting;
}

export type UdpReach = 'works' | 'blocked' | 'rejected' | 'no-address' | 'no-route';

/**
 * Whether UDP gets through. That one server says nothing means nothing: "blocked" takes two hosts and two ports, and
 * "rejected" two hosts, since a host alone refuses what nothing listens for.
 */
export function udpReach(servers: readonly GreetedServer[], elapsedMs: number): Finding<UdpReach> {
  if (servers.length === 0) return unknown('No server was given that has an address of this family.');
  const of = (...kinds: readonly Greeting['kind'][]) => servers.filter(({ greeting }) => kinds.includes(greeting.kind));
  const found = (value: UdpReach, confidence: 'high' | 'medium', evidence: string): Finding<UdpReach> => {
    return { state: 'found', value, confidence, evidence, elapsedMs };
  };
  const answered = of('answered', 'odd');
  if (answered.length > 0) return found('works', 'high', `${list(answered)} answered.`);
  const all = (kind: Greeting['kind']) => of(kind).length === servers.length;
  if (all('no-address')) {
    return found('no-address', 'high', `The local address cannot be used (${codes(servers)}).`);
  }
  if (of('no-route', 'no-address').length === servers.length) {
    return found('no-route', 'high', `There is no way to ${list(servers)} (${codes(servers)}).`);
  }
  const { hosts, ports } = spread(servers);
  if (all('refused')) {
    if (hosts > 1) return found('rejected', 'medium', `${list(servers)} are all refused (${codes(servers)}).`);
    return unknown(
      `Packets to ${list(servers)} are refused (${codes(servers)}): nothing listens there, or something on the way rejects UDP.`,
    );
  }
  if (all('silent')) {
    if (hosts > 1 && ports > 1) return found('blocked', 'medium', `Nothing comes back from ${list(servers)}.`);
    return unknown(`Nothing comes back from ${list(servers)}: UDP is blocked, or nothing answers there.`);
  }
  return unknown(`No usable answer came: ${servers.map(inWords).join('; ')}.`);
}

/** A server that answered in a way that the tests can build on. */
export interface AnsweredServer extends GreetedServer {
  readonly greeting: Extract<Greeting, { kind: 'answered' }>;
}

export function isAnswered(greeted: GreetedServer): greeted is AnsweredServer {
  return greeted.greeting.kind === 'answered';
}

function spread(servers: readonly GreetedServer[]): { hosts: number; ports: number } {
  return {
    hosts: new Set(servers.map(({ server }) => server.ip.text)).size,
    ports: new Set(servers.map(({ server }) => server.port)).size,
  };
}

function list(servers: readonly GreetedServer[]): string {
  return servers.map(({ server }) => formatTransportAddress(server)).join(', ');
}

function codes(servers: readonly GreetedServer[]): string {
  return [...new Set(servers.flatMap(({ greeting }) => ('code' in greeting ? greeting.code : [])))].join(', ');
}

const words: Readonly<Record<Greeting['kind'], string>> = {
  answered: 'answered',
  odd: 'answered',
  garbled: 'sent what answers nothing',
  refused: 'refused',
  'no-route': 'no route',
  'no-address': 'no local address',
  failed: 'no socket',
  silent: 'silent',
  'cut-short': 'no time left',
};

function inWords({ server, greeting }: GreetedServer): string {
  return `${formatTransportAddress(server)}: ${words[greeting.kind]}${'code' in greeting ? ` (${greeting.code})` : ''}`;
}
