import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { type Finding, unknown } from '../finding.ts';
import type { PortReport } from '../report.ts';
import type { Path } from './path.ts';
import { type PortPair, readPortAllocation } from './port-allocation.ts';
import { firstOfEachSocket } from './sighting.ts';

const SOCKETS = 8;
/** With fewer whose order is sure, the test is made once more. */
const ENOUGH = 5;

/** The ports of sockets that were opened one after the other. */
export interface PortObservation {
  readonly inOrder: readonly PortPair[];
  readonly to: TransportAddress;
  readonly elapsedMs: number;
}

/**
 * Opens eight sockets one after the other and asks one server from each. Only those count that were answered at once: of the
 * others it is not known when their first packet came to the NAT, and the order matters.
 */
export async function observePorts(path: Path, to: TransportAddress, roundTripMs: number): Promise<PortObservation> {
  const startedAt = path.now();
  let inOrder: PortPair[] = [];
  for (let attempt = 0; attempt < 2 && inOrder.length < ENOUGH; attempt++) {
    const pairs = await Promise.all(Array.from({ length: SOCKETS }, () => seePort(path, to, roundTripMs)));
    inOrder = pairs.filter((pair) => pair !== undefined);
  }
  return { inOrder, to, elapsedMs: path.now() - startedAt };
}

async function seePort(path: Path, to: TransportAddress, roundTripMs: number): Promise<PortPair | undefined> {
  const opened = await path.open();
  if (!opened.ok) return undefined;
  const socket = opened.value;
  const answer = await socket.askPlainly(to, { roundTripMs, attempts: 1 });
  socket.close();
  if (!answer.ok || answer.value.sends > 1) return undefined;
  return { local: socket.local.port, mapped: answer.value.mappedAddress.port };
}

/** How the NAT chooses ports, from these sockets and all others that were opened. */
export function judgePorts(path: Path, { inOrder, to, elapsedMs }: PortObservation): Finding<PortReport> {
  if (inOrder.length < ENOUGH) {
    return unknown(`Only ${inOrder.length} of ${SOCKETS} requests were answered at once, too few to see a pattern.`);
  }
  const all = firstOfEachSocket(path.sightings).map(({ local, mapped }) => ({
    local: local.port,
    mapped: mapped.port,
  }));
  const given = path.sightings.map(({ mapped }) => mapped.port);
  const value = readPortAllocation(inOrder, all, given);
  const seen = inOrder.map(({ local, mapped }) => `${local} → ${mapped}`).join(', ');
  const evidence = `${formatTransportAddress(to)} saw the ports of ${inOrder.length} sockets: ${seen}.`;
  return { state: 'found', value, confidence: inOrder.length === SOCKETS ? 'high' : 'medium', evidence, elapsedMs };
}
