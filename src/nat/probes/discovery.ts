import type { Behavior } from '../behavior.ts';
import { type Finding, valueIn } from '../finding.ts';
import { type Alternates, tryAlternates } from '../servers/alternates.ts';
import type { DiscoveryServer } from '../servers/server-qualification.ts';
import { confirmInQuiet, judgeFiltering, observeFiltering } from './filtering.ts';
import { findFragments } from './fragments.ts';
import { findMapping, type MappingFindings, type MappingTarget } from './mapping.ts';
import { isHealthy, type Path } from './path.ts';
import { judgeUnsolicited, observeUnsolicited } from './unsolicited.ts';

/** What the tests with one server with RFC 5780 gave. */
export interface Discovery {
  readonly server: DiscoveryServer;
  readonly alternates: Alternates;
  readonly filtering: Finding<Behavior>;
  readonly mapping: MappingFindings;
  readonly fragments: Finding<boolean>;
  /** Whether a mapping survives packets that nobody asked for. */
  readonly unsolicitedKeepsMapping: Finding<boolean>;
}

/** How long after the first requests of the filtering tests others may follow: their retransmissions come first. */
const MEANWHILE_AFTER_MS = 700;

/** How long the tests with one server may take before those with the next begin beside them. */
const PATIENCE_MS = 6000;

/**
 * Runs all tests with the first of these servers, and with the next ones where that does not tell everything for certain, or
 * takes too long.
 *
 * @param besides what can be done while answers of the first server are waited for.
 */
export async function discoverWith(
  path: Path,
  candidates: readonly DiscoveryServer[],
  besides: () => Promise<unknown>,
): Promise<readonly Discovery[]> {
  const discoveries: Discovery[] = [];
  const conclusive: Promise<void>[] = [];
  const run = async (server: DiscoveryServer, meanwhile: () => Promise<unknown>) => {
    const discovery = await discover(path, server, meanwhile);
    discoveries.push(discovery);
    if (!isConclusive(discovery)) throw new Error('the next server has to be asked too');
  };
  for (const [i, server] of candidates.entries()) {
    conclusive.push(run(server, i === 0 ? besides : async () => {}));
    const settled = Promise.any(conclusive).catch(() => {});
    await (i === candidates.length - 1 ? settled : Promise.race([settled, path.sleep(PATIENCE_MS)]));
    if (discoveries.some(isConclusive) || path.over) break;
  }
  return discoveries.toSorted((a, b) => Number(isConclusive(b)) - Number(isConclusive(a)));
}

async function discover(path: Path, server: DiscoveryServer, meanwhile: () => Promise<unknown>): Promise<Discovery> {
  const other = path.sleep(MEANWHILE_AFTER_MS).then(meanwhile);
  const [observation] = await Promise.all([observeFiltering(path, server), other]);
  const silenceCounts = isHealthy(path.healthOf(server.primary));
  path.pacing.join(server.primary.ip, server.other.ip);
  const alternates = await tryAlternates(path, server);
  const unanswered = alternates.other ? observation.unanswered : [];
  const [mapping, unsolicited] = await Promise.all([
    findMapping(path, targetsOf(server, alternates)),
    observeUnsolicited(() => path.now(), server, unanswered),
  ]);
  for (const { socket } of observation.unanswered) socket.close();
  const confirmed = silenceCounts ? observation : await confirmInQuiet(path, server, observation);
  // Silence counts here as well, so nothing else is under way.
  const fragments = await findFragments(path, server);
  const filtering = judgeFiltering(server, confirmed, alternates);
  const unsolicitedKeepsMapping = judgeUnsolicited(server, unsolicited, {
    applies: isStrictCone(filtering, mapping),
    proven: silenceCounts && alternates.change === 'works',
  });
  return { server, alternates, mapping, fragments, filtering, unsolicitedKeepsMapping };
}

function isStrictCone(filtering: Finding<Behavior>, { mapping }: MappingFindings): boolean {
  return valueIn(mapping) === 'endpoint-independent' && valueIn(filtering) === 'address-and-port-dependent';
}

function targetsOf(server: DiscoveryServer, { other, otherIp, otherPort }: Alternates): MappingTarget[] {
  const { roundTripMs } = server;
  return [
    { at: server.primary, roundTripMs },
    ...(otherIp ? [{ at: server.otherIp, roundTripMs }] : []),
    ...(other ? [{ at: server.other, roundTripMs }] : []),
    ...(otherPort ? [{ at: server.otherPort, roundTripMs }] : []),
  ];
}

/** Whether no other server needs to be asked. */
function isConclusive({ filtering, mapping }: Discovery): boolean {
  const isSure = filtering.state === 'found' && filtering.confidence === 'high';
  return isSure && mapping.mapping.state === 'found';
}
