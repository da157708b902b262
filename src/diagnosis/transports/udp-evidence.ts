import { type Finding, unknown, valueIn } from '../../nat/finding.ts';
import type { FamilyReport } from '../../nat/report.ts';
import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import type { AddressFamily } from '../../stun/protocol.ts';
import type { Cell } from './grid.ts';

type UdpFinding = FamilyReport['udp'];

/**
 * What all ports together say of UDP in a family where no test came through. That it is blocked takes two hosts and two ports
 * that are silent, or refused, while TCP works: without anything that works it may be the servers, or the whole way out.
 */
export function judgeUdp(udp: UdpFinding, family: AddressFamily, cells: readonly Cell[]): UdpFinding {
  const value = valueIn(udp);
  if (value === 'works' || value === 'no-address' || value === 'no-route') return udp;
  const own = cells.filter(({ server, result }) => server.ip.family === family && result.outcome !== 'not-tested');
  const overUdp = own.filter(({ transport }) => transport === 'udp');
  const connected = cells.find(({ server, result }) => server.ip.family === family && isReached(result));
  if (connected === undefined) {
    if (value === 'blocked') return unknown(nothingAtAll);
    return value === 'rejected' ? unknown(allRefused) : udp;
  }
  const hosts = new Set(overUdp.map(({ server }) => server.ip.text)).size;
  const ports = new Set(overUdp.map(({ server }) => server.port)).size;
  if (hosts < 2 || ports < 2) return udp;
  const works = `${connected.transport === 'tls' ? 'TLS' : 'TCP'} to ${formatTransportAddress(connected.server)}`;
  const elapsedMs = Math.max(...overUdp.map((cell) => cell.elapsedMs));
  const found = (what: 'blocked' | 'rejected', how: string): Finding<'blocked' | 'rejected'> => {
    const evidence = `UDP to ${hosts} hosts on ${ports} ports ${how}, while ${works} works.`;
    return { state: 'found', value: what, confidence: 'high', evidence, elapsedMs };
  };
  const all = (outcome: string) => overUdp.every(({ result }) => result.outcome === outcome);
  if (all('dropped')) return found('blocked', 'gets no answer');
  // A host refuses by itself what nothing listens for, so all must be refused.
  if (all('rejected')) return found('rejected', 'is refused');
  if (keepsFromWhatIsThere(own)) return found('rejected', 'is refused, or gets no answer');
  return udp;
}

/**
 * Whether two hosts and more answer STUN over TCP or TLS, on two ports and more, and over UDP at the same ports none says
 * anything or all is refused. Rejects come and go where a router limits how many it sends, and no host refuses what it serves.
 */
function keepsFromWhatIsThere(cells: readonly Cell[]): boolean {
  const key = ({ server }: Cell) => formatTransportAddress(server);
  const isUdp = ({ transport }: Cell) => transport === 'udp';
  const open = new Set(cells.filter((cell) => !isUdp(cell) && cell.result.outcome === 'open').map(key));
  const there = cells.filter((cell) => isUdp(cell) && open.has(key(cell)));
  const hosts = new Set(there.map(({ server }) => server.ip.text));
  const ports = new Set(there.map(({ server }) => server.port));
  const isKeptAway = ({ result }: Cell) => result.outcome === 'rejected' || result.outcome === 'dropped';
  return hosts.size > 1 && ports.size > 1 && there.every(isKeptAway);
}

const nothingAtAll =
  'Nothing comes back over UDP, nor over TCP: the servers cannot be reached, or nothing gets out of this network.';
const allRefused =
  'Everything to the servers is refused, over TCP as well: nothing listens there, or something on the way turns all away.';

/** Whether something there took a connection and did something with it, be it that it closed it. */
function isReached({ outcome, connected = false }: Cell['result']): boolean {
  return connected && outcome !== 'intercepted' && outcome !== 'dropped';
}

/** Where UDP got through, in a family where the servers did not answer at the ports that were given. */
export function openUdpServers(family: AddressFamily, cells: readonly Cell[]): TransportAddress[] {
  return cells
    .filter(({ server, transport, result }) => {
      return server.ip.family === family && transport === 'udp' && result.outcome === 'open';
    })
    .map(({ server }) => server);
}
