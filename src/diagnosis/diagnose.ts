import { type NotFound, notTested } from '../nat/finding.ts';
import type { Diagnosis } from '../nat/report.ts';
import type { Evidence } from '../nat/verdict/outlook.ts';
import { judge } from '../nat/verdict/verdict.ts';
import { wholeMilliseconds } from '../nat/whole-milliseconds.ts';
import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { findCaptivePortal, type PortalProbe } from './captive-portal.ts';
import { diagnoseFamily, type FamilyDiagnosis, type FamilyQuestion } from './diagnose-family.ts';
import { untestedFamily } from './family-reports.ts';
import { exploreWayOut, judgeWayOut } from './gateway/find-gateway.ts';
import { describeInterfaces } from './interfaces.ts';
import { findNat64 } from './nat64.ts';
import type { DiagnosisNetwork } from './network.ts';
import { readServerName } from './server-name.ts';
import { describeServers } from './server-reports.ts';
import { mappedAddresses, toReport } from './transports/grid.ts';

export interface DiagnoseOptions {
  /** The servers to ask, as `host[:port]`. */
  readonly servers: readonly string[];
  readonly families: readonly ('ipv4' | 'ipv6')[];
  /** Whether to find out how long an idle mapping lives, which takes minutes. */
  readonly lifetime: boolean;
  /** Whether to send packets to this network's own outside address. */
  readonly hairpin: boolean;
  /** Whether to ask a web server for a page that is known to be empty. */
  readonly captivePortal: boolean;
  /** Which ones, in place of the usual ones. */
  readonly portalProbes?: readonly PortalProbe[];
  /** Told what is being done, in a few words. */
  readonly onProgress: (what: string) => void;
}

/** Milliseconds from the start until each must be over. */
const LOOK_UP_MS = 2500;
const GRID_MS = 8000;
const FAMILY_MS = 13_000;
/** As much more for tests that are asked for. */
const HAIRPIN_MS = 4000;
const LIFETIME_MS = 20 * 60_000;

/**
 * Finds out all that can be told about this network: both families, what the router says, NAT64, interfaces, transports, and a
 * login page, side by side, and what follows from it. Whatever fails is part of the report. Takes about six seconds where servers
 * answer and fifteen at most, if neither the lifetime nor hairpinning is asked for.
 */
export async function diagnose(options: DiagnoseOptions, network: DiagnosisNetwork): Promise<Diagnosis> {
  const { servers, families, captivePortal, portalProbes } = options;
  const startedAt = network.clock.now();
  const began = network.today();
  const [ipv4, ipv6, wayOut, nat64, portal] = await Promise.all([
    families.includes('ipv4')
      ? diagnoseFamily(network, AddressFamily.ipv4, questionFor('IPv4', options, startedAt))
      : undefined,
    families.includes('ipv6')
      ? diagnoseFamily(network, AddressFamily.ipv6, questionFor('IPv6', options, startedAt))
      : undefined,
    families.includes('ipv4') ? exploreWayOut(network) : undefined,
    families.includes('ipv6') ? findNat64(network, LOOK_UP_MS) : notAsked('IPv6'),
    captivePortal ? findCaptivePortal(network, portalProbes) : notTested('It was not asked for: --captive-portal.'),
  ]);
  const asked = [ipv4, ipv6].filter((one) => one !== undefined);
  const evidence: Evidence = {
    servers: describeServers(servers, [...named('IPv4', ipv4), ...named('IPv6', ipv6)]),
    ipv4: ipv4?.report ?? untestedFamily(notAsked('IPv4')),
    ipv6: ipv6?.report ?? untestedFamily(notAsked('IPv6')),
    nat64,
    gateway: ipv4 && wayOut ? judgeWayOut(wayOut, ipv4.localIp, seenAs(ipv4)) : notAsked('IPv4'),
    interfaces: describeInterfaces(network.interfaces(), sources(asked)),
    transports: asked.flatMap(({ cells }) => cells.map(toReport)),
    captivePortal: portal,
  };
  const elapsedMs = network.clock.now() - startedAt;
  const verdict = judge(evidence);
  return wholeMilliseconds({
    schema: 1,
    kind: 'diagnosis',
    startedAt: began.toISOString(),
    elapsedMs,
    verdict,
    ...evidence,
  });
}

function questionFor(family: string, options: DiagnoseOptions, startedAt: number): FamilyQuestion {
  const { servers, lifetime, hairpin, onProgress } = options;
  const more = (hairpin ? HAIRPIN_MS : 0) + (lifetime ? LIFETIME_MS : 0);
  return {
    names: servers.flatMap((text) => readServerName(text) ?? []),
    lifetime,
    hairpin,
    onProgress: (what) => onProgress(`${family}: ${what}`),
    lookUpMs: LOOK_UP_MS,
    gridDeadline: startedAt + GRID_MS,
    deadline: startedAt + FAMILY_MS + more,
  };
}

function notAsked(family: string): NotFound {
  return notTested(`${family} was not asked for.`);
}

function named(name: string, diagnosis: FamilyDiagnosis | undefined): (readonly [string, FamilyDiagnosis])[] {
  return diagnosis === undefined ? [] : [[name, diagnosis]];
}

/** From where packets to the servers leave; where there are no servers, those to the internet. */
function sources(asked: readonly FamilyDiagnosis[]): IpAddress[] {
  const toServers = asked.filter(({ servers }) => servers.some(({ addresses }) => addresses.length > 0));
  return (toServers.length > 0 ? toServers : asked).flatMap(({ localIp }) => localIp ?? []);
}

/** The addresses that servers see over UDP; over other transports where UDP does not get through. */
function seenAs({ report, cells }: FamilyDiagnosis): IpAddress[] {
  const overUdp = report.mapped.flatMap((text) => readAddress(text) ?? []);
  return overUdp.length > 0 ? overUdp : mappedAddresses(cells, AddressFamily.ipv4);
}

/** Reads `192.0.2.1` or `192.0.2.1:3478`. */
function readAddress(text: string): IpAddress | undefined {
  return IpAddress.parse(text) ?? IpAddress.parse(text.replace(/:\d+$/, ''));
}
