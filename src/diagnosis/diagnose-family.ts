import { testFamily } from '../nat/family.ts';
import { unknown, valueIn } from '../nat/finding.ts';
import type { FamilyReport } from '../nat/report.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import { isUnicast } from './address-kinds.ts';
import { anywhere } from './anywhere.ts';
import { untestedFamily, withoutRoute } from './family-reports.ts';
import type { DiagnosisNetwork } from './network.ts';
import { type ResolvedServer, resolveServers, targetsOf } from './resolve-servers.ts';
import type { ServerName } from './server-name.ts';
import { type Cell, tryTransports } from './transports/grid.ts';
import type { GridHost } from './transports/plan.ts';
import { judgeUdp, openUdpServers } from './transports/udp-evidence.ts';

/** More hosts than these are not tried at every port. */
const MAX_GRID_HOSTS = 3;
/** With less time than this no second round of tests begins. */
const SECOND_ROUND_MS = 3000;

/** What each family is asked. */
export interface FamilyQuestion {
  readonly names: readonly ServerName[];
  readonly lifetime: boolean;
  readonly hairpin: boolean;
  readonly onProgress: (what: string) => void;
  /** Milliseconds for names. */
  readonly lookUpMs: number;
  /** When the transports must have been tried, and when all must be over, on the clock of the network. */
  readonly gridDeadline: number;
  readonly deadline: number;
}

/** What one family is found to do. */
export interface FamilyDiagnosis {
  readonly report: FamilyReport;
  readonly servers: readonly ResolvedServer[];
  readonly outcomes: Awaited<ReturnType<typeof testFamily>>['servers'];
  readonly cells: readonly Cell[];
  /** From where packets leave. */
  readonly localIp: IpAddress | undefined;
}

/** Everything about one family: what names stand for, which way leads out, what UDP meets, and what gets through. */
export async function diagnoseFamily(
  network: DiagnosisNetwork,
  family: AddressFamily,
  question: FamilyQuestion,
): Promise<FamilyDiagnosis> {
  const { clock } = network;
  const startedAt = clock.now();
  const servers = await resolveServers(network, question.names, family, question.lookUpMs);
  const targets = targetsOf(servers);
  const local = await network.localAddressTowards(targets[0] ?? anywhere[family]);
  const none = { servers, outcomes: [], cells: [] };
  if (!local.ok) {
    const udp = withoutRoute(hasAddress(network, family), local.error.code, clock.now() - startedAt);
    return { ...none, report: untestedFamily(udp), localIp: undefined };
  }
  const localIp = local.value;
  if (targets.length === 0)
    return { ...none, report: untestedFamily(unknown(whyNoServer(servers)), localIp.text), localIp };
  const { lifetime, hairpin, onProgress, deadline, gridDeadline } = question;
  const test = (to: readonly TransportAddress[]) =>
    testFamily(family, { servers: to, localIp, lifetime, hairpin, onProgress, deadline }, network);
  const [first, cells] = await Promise.all([test(targets), tryTransports(network, hostsOf(servers), gridDeadline)]);
  const found = { ...first, servers, outcomes: first.servers, cells, localIp };
  const works = valueIn(first.report.udp) === 'works';
  const open = works ? [] : openUdpServers(family, cells);
  if (open.length > 0 && deadline - clock.now() > SECOND_ROUND_MS) {
    onProgress('testing where UDP gets through');
    const second = await test(open);
    if (valueIn(second.report.udp) === 'works') return { ...found, report: second.report };
  }
  const udp = judgeUdp(first.report.udp, family, cells);
  return { ...found, report: { ...first.report, udp, local: first.report.local ?? localIp.text } };
}

function hasAddress(network: DiagnosisNetwork, family: AddressFamily): boolean {
  return network
    .interfaces()
    .some(({ internal, addresses }) => !internal && addresses.some(({ ip }) => ip.family === family && isUnicast(ip)));
}

function whyNoServer(servers: readonly ResolvedServer[]): string {
  if (servers.length === 0) return 'There is no server to ask.';
  const codes = [...new Set(servers.flatMap(({ code }) => code ?? []))];
  return `No server has an address of this family that could be found (${codes.join(', ')}).`;
}

/** Each address once, with all ports at which it is to answer. */
function hostsOf(servers: readonly ResolvedServer[]): GridHost[] {
  const hosts = new Map<string, GridHost>();
  for (const { name, addresses } of servers) {
    const [ip] = addresses;
    if (ip === undefined) continue;
    const { host, ports } = hosts.get(ip.text) ?? { host: name.host, ports: [] };
    hosts.set(ip.text, { host, ip, ports: [...ports, name.port] });
  }
  return [...hosts.values()].slice(0, MAX_GRID_HOSTS);
}
