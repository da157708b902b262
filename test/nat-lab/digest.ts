/** A report without what differs from run to run: times, ports, and the words of the evidence. */
import type { Finding } from '../../src/nat/finding.ts';
import type { Diagnosis, FamilyReport } from '../../src/nat/report.ts';

/** What a finding says; `unknown` and `not tested` where nothing was found. */
export type Digested<T> = T | 'unknown' | 'not tested';

export type FamilyDigest = WorkingFamily | SilentFamily;

/** A family in which no UDP gets through. */
export interface SilentFamily {
  readonly udp: Digested<string>;
  readonly local: string | null;
  /** What is claimed all the same: nothing, that is. */
  readonly found: readonly string[];
}

export interface WorkingFamily {
  readonly udp: 'works';
  /** The address, without the port. */
  readonly local: string | null;
  /** The addresses, without the ports. */
  readonly mapped: readonly string[];
  readonly translated: Digested<boolean>;
  readonly mapping: Digested<string>;
  readonly filtering: Digested<string>;
  readonly classicName: string | null;
  readonly stable: Digested<boolean>;
  readonly unsolicitedKeepsMapping: Digested<boolean>;
  readonly pooling: Digested<boolean>;
  readonly ports: Digested<string>;
  readonly lifetime: Digested<string>;
  readonly hairpin: Digested<boolean>;
  readonly fragments: Digested<boolean>;
  readonly rewriting: Digested<boolean>;
}

export interface ReportDigest {
  readonly relay: Diagnosis['verdict']['relay'];
  readonly peers: Diagnosis['verdict']['peers'];
  readonly relayTransports: Diagnosis['verdict']['relayTransports'];
  /** What each server is good for. */
  readonly servers: Readonly<Record<string, Digested<string>>>;
  readonly ipv4: FamilyDigest;
  readonly ipv6: FamilyDigest;
  readonly gateway: Digested<string>;
  readonly interfaces: readonly string[];
  /** By transport and port, such as `udp 3478` or `udp6 3478`: what became of it, of all servers together. */
  readonly transports: Readonly<Record<string, string>>;
  readonly nat64: Digested<string | null>;
  readonly captivePortal: Digested<boolean>;
}

export function digest(diagnosis: Diagnosis): ReportDigest {
  const { verdict, servers, interfaces } = diagnosis;
  return {
    relay: verdict.relay,
    peers: verdict.peers,
    relayTransports: verdict.relayTransports,
    servers: Object.fromEntries(servers.map(({ server, qualification }) => [server, digested(qualification)])),
    ipv4: digestFamily(diagnosis.ipv4),
    ipv6: digestFamily(diagnosis.ipv6),
    gateway: digested(diagnosis.gateway, ({ protocol, wanAddress, nats, carrierNat }) =>
      [protocol, wanAddress, nats, carrierNat ? 'carrier NAT' : null].filter((part) => part !== null).join(', '),
    ),
    interfaces: interfaces.filter(({ isDefault }) => isDefault).map(({ name }) => name),
    transports: digestTransports(diagnosis),
    nat64: digested(diagnosis.nat64, ({ prefix }) => prefix),
    captivePortal: digested(diagnosis.captivePortal, ({ captured }) => captured),
  };
}

function digestFamily(report: FamilyReport): FamilyDigest {
  const { udp, ...others } = report;
  const [works, local] = [digested(udp), report.local && withoutPort(report.local)];
  if (works !== 'works')
    return { udp: works, local, found: Object.keys(others).filter((name) => isFound(others, name)) };
  return {
    udp: works,
    local,
    mapped: [...new Set(report.mapped.map(withoutPort))].sort(),
    translated: digested(report.translated),
    mapping: digested(report.mapping),
    filtering: digested(report.filtering),
    classicName: report.classicName,
    stable: digested(report.stable),
    unsolicitedKeepsMapping: report.unsolicitedKeepsMapping ? digested(report.unsolicitedKeepsMapping) : 'not tested',
    pooling: digested(report.pooling),
    ports: digested(report.ports, ({ allocation, step }) => (step === null ? allocation : `${allocation}, ${step}`)),
    lifetime: digested(
      report.lifetime,
      ({ aliveAfterSeconds, goneAfterSeconds }) => `${aliveAfterSeconds} to ${goneAfterSeconds ?? 'more'} s`,
    ),
    hairpin: digested(report.hairpin),
    fragments: digested(report.fragments),
    rewriting: digested(report.rewriting),
  };
}

function isFound(report: object, name: string): boolean {
  const value = (report as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'object' && value !== null && 'state' in value && value.state === 'found';
}

function digestTransports({ transports }: Diagnosis): Record<string, string> {
  const outcomes = new Map<string, Set<string>>();
  for (const { family, transport, port, outcome } of transports) {
    const key = `${transport}${family === 'ipv6' ? '6' : ''} ${port}`;
    outcomes.set(key, (outcomes.get(key) ?? new Set()).add(outcome));
  }
  return Object.fromEntries([...outcomes].map(([key, of]) => [key, [...of].sort().join(', ')]));
}

function digested<T, U = T>(finding: Finding<T>, say: (value: T) => U = (value) => value as unknown as U): Digested<U> {
  if (finding.state === 'found') return say(finding.value);
  return finding.state === 'unknown' ? 'unknown' : 'not tested';
}

/** `192.0.2.1:3478` → `192.0.2.1`, `[2001:db8::1]:3478` → `2001:db8::1`; an address alone stays as it is. */
function withoutPort(text: string): string {
  const [, bracketed, plain] = /^(?:\[(.+)\](?::\d+)?|([^:]+):\d+)$/.exec(text) ?? [];
  return bracketed ?? plain ?? text;
}
