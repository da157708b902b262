import type { MessageSocket } from '../../client/message-socket.ts';
import { describeFailure } from '../../client/request-failure.ts';
import { StunClient } from '../../client/stun-client.ts';
import { describeTransportError, type TransportError } from '../../client/transport-error.ts';
import type { Configuration } from '../../config/settings.ts';
import { type ListeningPoint, listeningPoints } from '../../daemon/listening-points.ts';
import type { ReachDependencies } from '../../ladder/reach.ts';
import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import type { Finding } from './finding.ts';

export type ProbeDependencies = Pick<ReachDependencies, 'clock' | 'openUdp' | 'connectTcp'>;

/** One transport at one address and port, and whether the server answered there. */
export interface Probe {
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly server: TransportAddress;
  readonly main: boolean;
  /** Why it did not answer. */
  readonly failure?: string;
}

/** On this machine an answer takes no time; what is lost here is lost because nobody is there. */
const retransmission = { initialTimeoutMs: 250, sends: 3, lastWaitFactor: 4 };

/** Asks every configured listener for a Binding, and those with a certificate for TLS. */
export function probeListeners(configuration: Configuration, dependencies: ProbeDependencies): Promise<Probe[]> {
  const hasTls = configuration.tls.certificateFile !== undefined;
  const probes = testablePoints(configuration).flatMap(({ transport, ip, port, role }) => {
    const at = { server: { ip, port }, main: role === 'main' };
    const tls = transport === 'tcp' && hasTls ? [probe({ ...at, transport: 'tls' }, dependencies)] : [];
    return [probe({ ...at, transport }, dependencies), ...tls];
  });
  return Promise.all(probes);
}

/** What the probes come to: one line for each address and port that answers, one for each transport that does not. */
export function listenerFindings(probes: readonly Probe[], configuration: Configuration): Finding[] {
  const untestable = listeningPoints(configuration).length - testablePoints(configuration).length;
  const answering = new Map<string, string[]>();
  for (const { transport, server, failure } of probes) {
    if (failure !== undefined) continue;
    const place = formatTransportAddress(server);
    answering.set(place, [...(answering.get(place) ?? []), transport.toUpperCase()]);
  }
  return [
    ...[...answering].map(([place, transports]) => reachable(place, transports)),
    ...probes.flatMap((one) => (one.failure === undefined ? [] : unreachable(one, one.failure, configuration))),
    ...(untestable > 0 ? [untested(untestable)] : []),
  ];
}

async function probe(one: Probe, dependencies: ProbeDependencies): Promise<Probe> {
  const failure =
    one.transport === 'udp'
      ? await probeUdp(one.server, dependencies)
      : await probeTcp(one.server, one.transport, dependencies);
  return failure === undefined ? one : { ...one, failure };
}

async function probeUdp(server: TransportAddress, dependencies: ProbeDependencies): Promise<string | undefined> {
  const socket = await dependencies.openUdp(server);
  return socket.ok ? binding(socket.value, server, dependencies) : describeTransportError(socket.error);
}

async function probeTcp(
  server: TransportAddress,
  transport: 'tcp' | 'tls',
  dependencies: ProbeDependencies,
): Promise<string | undefined> {
  const connection = await dependencies.connectTcp(server);
  if (!connection.ok) return describeTransportError(connection.error);
  if (transport === 'tcp') return binding(connection.value.plain(), server, dependencies);
  const secured = await connection.value.secure({ serverName: server.ip.text });
  if (secured.ok) return binding(secured.value.socket, server, dependencies);
  return showsCertificate(secured.error) ? undefined : describeTransportError(secured.error);
}

/** Whether it was TLS that answered; what is in the certificate is looked at by itself. */
function showsCertificate({ certificate }: TransportError): boolean {
  return certificate !== undefined;
}

async function binding(
  socket: MessageSocket,
  server: TransportAddress,
  { clock }: ProbeDependencies,
): Promise<string | undefined> {
  const client = new StunClient(socket, { clock, retransmission });
  const answer = await client.binding(server);
  client.close();
  return answer.ok ? undefined : describeFailure(answer.error);
}

/** Those that can be found from the configuration: a port of 0 is known to the running server only. */
function testablePoints(configuration: Configuration): readonly ListeningPoint[] {
  return listeningPoints(configuration).filter(({ port, zone }) => port > 0 && zone === undefined);
}

function reachable(place: string, transports: readonly string[]): Finding {
  return {
    about: 'listener',
    level: 'ok',
    code: 'listener_answers',
    sentence: `${place} answers over ${transports.join(', ').replace(/, (\w+)$/, ' and $1')}.`,
    facts: { place, transports },
  };
}

function unreachable({ transport, server }: Probe, failure: string, { proxyProtocol }: Configuration): Finding {
  const place = formatTransportAddress(server);
  const name = transport.toUpperCase();
  const facts = { place, transport, failure };
  if (transport !== 'udp' && proxyProtocol.trust.length > 0) {
    return {
      about: 'listener',
      level: 'not-tested',
      code: 'listener_behind_proxy',
      sentence: `${place} was not tested over ${name}: it does not answer (${failure}), as it should be if this machine is among proxyProtocol.trust, from which only PROXY headers are taken.`,
      fix: 'Test it through the load balancer: taciturn check URL.',
      facts,
    };
  }
  return {
    about: 'listener',
    level: 'problem',
    code: 'listener_silent',
    sentence: `${place} does not answer over ${name}: ${failure}.`,
    fix: `Look whether the server was started with this configuration, what its log says about this address, and whether a firewall of this machine drops ${transport === 'udp' ? 'UDP' : 'TCP'} port ${server.port}.`,
    facts,
  };
}

function untested(count: number): Finding {
  return {
    about: 'listener',
    level: 'not-tested',
    code: 'listener_unknown',
    sentence: `${count === 1 ? 'One listener has' : `${count} listeners have`} a port that is free to choose (0), or a link-local address, and was not tested: it cannot be found from the configuration.`,
    fix: 'Configure a fixed port.',
  };
}
