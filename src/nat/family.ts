import { formatTransportAddress, type IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import type { NatEnvironment } from './environment.ts';
import { type Finding, type NotFound, notTested, unknown, valueIn } from './finding.ts';
import { type Discovery, discoverWith } from './probes/discovery.ts';
import { findHairpin } from './probes/hairpin.ts';
import { findLifetime } from './probes/lifetime.ts';
import { findMapping, type MappingFindings, type MappingTarget } from './probes/mapping.ts';
import { Path } from './probes/path.ts';
import { findPooling } from './probes/pooling.ts';
import { judgePorts, observePorts, type PortObservation } from './probes/ports.ts';
import { findRewriting } from './probes/rewriting.ts';
import { firstOfEachSocket, sameEndpoint } from './probes/sighting.ts';
import type { FamilyReport } from './report.ts';
import { reachServers } from './servers/first-contact.ts';
import { describeServer, type ServerOutcome, toUsable, type UsableServer } from './servers/server-outcome.ts';
import { isAnswered, udpReach } from './servers/udp-reach.ts';
import { classicName } from './verdict/classify.ts';
import { wholeMilliseconds } from './whole-milliseconds.ts';
import { withoutFindings } from './without-findings.ts';

export interface FamilyOptions {
  /** Where to ask; those of several operators, and on several ports, tell more. */
  readonly servers: readonly TransportAddress[];
  /** The concrete local address. */
  readonly localIp: IpAddress;
  /** Whether to find out how long an idle mapping lives, which takes minutes. */
  readonly lifetime?: boolean;
  /** Whether to send packets to this host's own outside address, which some firewalls take for an attack. */
  readonly hairpin?: boolean;
  /** Told what is being done, in a few words. */
  readonly onProgress?: (what: string) => void;
  /** When it must be over, on the clock of the environment. What is not known by then is `unknown`. */
  readonly deadline: number;
}

export interface FamilyOutcome {
  readonly report: FamilyReport;
  /** In the order in which they were given. */
  readonly servers: readonly ServerOutcome[];
}

/**
 * Finds out what the network does to UDP of one address family: whether it gets through, how addresses are translated, and
 * what is let in (RFC 5780, RFC 4787). Takes about four seconds where servers answer.
 */
export async function testFamily(
  family: AddressFamily,
  options: FamilyOptions,
  environment: NatEnvironment,
): Promise<FamilyOutcome> {
  const { localIp, deadline } = options;
  const path = new Path({ family, localIp, deadline }, environment);
  try {
    return await testOver(path, options);
  } finally {
    path.close();
  }
}

async function testOver(path: Path, options: FamilyOptions): Promise<FamilyOutcome> {
  const { servers, onProgress = () => {} } = options;
  const startedAt = path.now();
  onProgress('asking the servers');
  const reach = reachServers(path, servers);
  const usable = (await reach.soon).filter(isAnswered).map(toUsable);
  const tests = usable.length > 0 ? await runTests(path, usable, options) : undefined;
  const greeted = await reach.all;
  const udp = udpReach(greeted, path.now() - startedAt);
  const outcomes = greeted.map((server) => describeServer(server, tests?.discoveries ?? []));
  const report = tests?.report ?? withoutFindings(whyNothing(udp));
  return { report: wholeMilliseconds({ ...report, udp }), servers: outcomes };
}

interface Tests {
  readonly report: Omit<FamilyReport, 'udp'>;
  readonly discoveries: readonly Discovery[];
}

async function runTests(path: Path, usable: readonly UsableServer[], options: FamilyOptions): Promise<Tests> {
  const { onProgress = () => {} } = options;
  const startedAt = path.now();
  const [best] = [...usable.filter(({ discovery }) => discovery), ...usable];
  onProgress('testing what is let in and how ports are chosen');
  const candidates = usable.flatMap(({ discovery }) => discovery ?? []);
  let ports: PortObservation | undefined;
  const discoveries = await discoverWith(path, candidates, async () => {
    ports = await observePorts(path, best!.server, best!.roundTripMs);
    onProgress('testing the mapping');
  });
  const seenPorts = ports ?? (await observePorts(path, best!.server, best!.roundTripMs));
  const found = discoveries.find(({ mapping }) => mapping.mapping.state === 'found');
  const mapping = found?.mapping ?? (await findMappingPlainly(path, usable, discoveries[0]?.mapping));
  const chosen = discoveries.find((discovery) => discovery.filtering.state === 'found') ?? discoveries[0];
  const filtering =
    chosen?.filtering ?? notTested('It takes a server with RFC 5780 to test what is let in, and none answered.');
  const elapsedMs = path.now() - startedAt;
  const translated = findTranslated(path, elapsedMs);
  const extra = await runOptional(path, options, { chosen, best: best!, mapping, translated });
  const withNat = <T>(find: () => Finding<T>) => (valueIn(translated) === false ? withoutNat : find());
  const report = {
    local: formatTransportAddress(best!.local),
    mapped: mappedAddresses(path, best!),
    translated,
    mapping: mapping.mapping,
    endpointIndependent: mapping.endpointIndependent,
    filtering,
    stable: mapping.stable,
    unsolicitedKeepsMapping: withNat(
      () =>
        chosen?.unsolicitedKeepsMapping ?? notTested('It takes a server with RFC 5780 to test it, and none answered.'),
    ),
    pooling: withNat(() => findPooling(path.sightings, elapsedMs)),
    ports: withNat(() => judgePorts(path, seenPorts)),
    fragments:
      chosen?.fragments ?? notTested('It takes a server with RFC 5780 to ask for large packets, and none answered.'),
    rewriting: findRewriting(path.sightings, elapsedMs),
    ...extra,
  };
  return { report: { ...report, classicName: classicName(report) }, discoveries };
}

async function runOptional(
  path: Path,
  { lifetime, hairpin, onProgress = () => {} }: FamilyOptions,
  known: {
    readonly chosen: Discovery | undefined;
    readonly best: UsableServer;
    readonly mapping: MappingFindings;
    readonly translated: Finding<boolean>;
  },
): Promise<Pick<FamilyReport, 'lifetime' | 'hairpin'>> {
  const { chosen, best, mapping, translated } = known;
  const testHairpin = async () => {
    if (!hairpin) return notTested('It was not asked for: --hairpin.');
    if (valueIn(translated) === false) return withoutNat;
    onProgress('testing hairpinning');
    const { server: primary, roundTripMs } = best;
    return findHairpin(path, { primary, roundTripMs }, valueIn(mapping.mapping));
  };
  const testLifetime = async () => {
    if (!lifetime) return notTested('It was not asked for: --lifetime.');
    if (!chosen) return notTested('It takes a server with RFC 5780 to test it, and none answered.');
    onProgress('waiting to see how long an idle mapping lives');
    return findLifetime(path, chosen.server);
  };
  return { hairpin: await testHairpin(), lifetime: await testLifetime() };
}

const withoutNat = notTested('There is no NAT.');

/** What several plain servers show, unless a server with RFC 5780 showed more. */
async function findMappingPlainly(
  path: Path,
  usable: readonly UsableServer[],
  discovered: MappingFindings | undefined,
): Promise<MappingFindings> {
  const plain = await findMapping(path, usable.map(toTarget));
  return discovered && plain.endpointIndependent.state !== 'found' ? discovered : plain;
}

function toTarget({ server, roundTripMs }: UsableServer): MappingTarget {
  return { at: server, roundTripMs };
}

function findTranslated(path: Path, elapsedMs: number): Finding<boolean> {
  const seen = firstOfEachSocket(path.sightings);
  const [example] = seen;
  if (example === undefined) return unknown('No server said how it sees this host.');
  const kept = seen.filter(({ local, mapped }) => sameEndpoint(local, mapped)).length;
  const pair = `${formatTransportAddress(example.local)} is seen as ${formatTransportAddress(example.mapped)}`;
  if (kept > 0 && kept < seen.length) return unknown('Some sockets are seen at their own address and others are not.');
  const confidence = seen.length > 1 ? 'high' : 'medium';
  return { state: 'found', value: kept === 0, confidence, evidence: `${pair}.`, elapsedMs };
}

/** One address and port for each address under which this host was seen, the first one first. */
function mappedAddresses(path: Path, { mapped }: UsableServer): string[] {
  const byIp = new Map([mapped, ...path.sightings.map((s) => s.mapped)].toReversed().map((m) => [m.ip.text, m]));
  return [...byIp.values()].toReversed().map(formatTransportAddress);
}

function whyNothing(udp: FamilyReport['udp']): NotFound {
  if (udp.state !== 'found') return notTested(udp.why);
  return udp.value === 'works' ? unknown('No server answered in a way that could be used.') : notTested(udp.evidence);
}
