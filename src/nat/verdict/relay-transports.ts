import { valueIn } from '../finding.ts';
import type { Verdict } from '../report.ts';
import type { Evidence } from './outlook.ts';

/** The best first: UDP adds no delay of its own, TLS gets through where nothing else does. */
const transports = ['udp', 'tcp', 'tls'] as const;

/** Over what a relay is reached: that over which some server answered. */
export function relayTransports(evidence: Pick<Evidence, 'ipv4' | 'ipv6' | 'transports'>): Verdict['relayTransports'] {
  const udpWorks = [evidence.ipv4, evidence.ipv6].some(({ udp }) => valueIn(udp) === 'works');
  const open = new Set(evidence.transports.filter((one) => one.outcome === 'open').map((one) => one.transport));
  return transports.filter((transport) => open.has(transport) || (transport === 'udp' && udpWorks));
}

/** The ports at which a transport got through, the usual ones first. */
export function openPorts(evidence: Pick<Evidence, 'transports'>, transport: 'udp' | 'tcp' | 'tls'): number[] {
  const open = evidence.transports.filter((one) => one.outcome === 'open' && one.transport === transport);
  return [...new Set(open.map(({ port }) => port))].sort((a, b) => rank(a) - rank(b) || a - b);
}

function rank(port: number): number {
  const place = [443, 5349, 3478, 80].indexOf(port);
  return place < 0 ? Number.POSITIVE_INFINITY : place;
}
