/** What a diagnosis ought to say of each kind of NAT, all of it. */
import type { Diagnosis, Verdict } from '../../src/nat/report.ts';
import type { FamilyDigest, ReportDigest, WorkingFamily } from './digest.ts';
import type { Home } from './home.ts';
import type { Asked, LabServers } from './lab-servers.ts';
import { blockingKinds, type NatKind } from './nat-kinds.ts';

export interface Expected {
  readonly exitCode: 0 | 1 | 3;
  readonly report: ReportDigest;
}

/** What makes one kind differ from others. */
interface Expectation {
  readonly name: Diagnosis['ipv4']['classicName'];
  readonly relay: Verdict['relay'];
  /** Towards `public`, `full-cone`, `restricted-cone`, `port-restricted-cone` and `symmetric` peers. */
  readonly peers: string;
  readonly ipv4?: Partial<WorkingFamily>;
  /** What was asked for with `--lifetime` and `--hairpin`, of our own server only. */
  readonly asked?: Partial<WorkingFamily>;
  readonly gateway?: string;
}

const openInternet: Expectation = {
  name: 'open internet',
  relay: 'not-needed',
  peers: 'direct direct direct direct direct',
  ipv4: { pooling: 'not tested', ports: 'not tested' },
};
const fullCone: Expectation = { ...openInternet, name: 'full cone', ipv4: {} };
const restricted: Expectation = { ...fullCone, name: 'restricted cone' };
const portRestricted: Expectation = {
  ...fullCone,
  name: 'port-restricted cone',
  relay: 'sometimes',
  peers: 'direct direct direct direct relay',
};
const firewall: Expectation = { ...portRestricted, name: 'symmetric firewall', ipv4: openInternet.ipv4! };
const symmetric: Expectation = {
  name: 'symmetric',
  relay: 'needed',
  peers: 'direct direct direct relay relay',
  ipv4: { ports: 'random' },
};
const blocked: Expectation = { name: null, relay: 'needed', peers: 'relay relay relay relay relay' };

const expectations: Readonly<Record<string, Expectation>> = {
  'no NAT': { ...openInternet, gateway: 'none' },
  'a firewall without NAT': { ...firewall, gateway: 'none' },
  'a full cone': fullCone,
  'an address-restricted cone': restricted,
  'a port-restricted cone': { ...portRestricted, gateway: 'nat-pmp, WAN, one' },
  'a symmetric NAT': symmetric,
  'an address-dependent mapping': { ...symmetric, name: null, ipv4: { ports: 'block' } },
  'sequential ports': { ...symmetric, ipv4: { ports: 'sequential, 1' } },
  'a cone with random ports': { ...portRestricted, ipv4: { ports: 'random' } },
  'early packets take the port': {
    ...portRestricted,
    peers: 'direct direct direct uncertain relay',
    ipv4: { unsolicitedKeepsMapping: false },
  },
  hairpinning: { ...fullCone, asked: { hairpin: true } },
  'a carrier NAT behind a home NAT': {
    ...portRestricted,
    ipv4: { ports: 'block' },
    gateway: 'nat-pmp, WAN, two-or-more, carrier NAT',
  },
  'a symmetric carrier NAT behind a full cone': symmetric,
  'two uplinks, by local port': { ...portRestricted, ipv4: { pooling: true } },
  'two uplinks, by destination': {
    ...symmetric,
    name: null,
    // A peer may be written to from an address that it was not told.
    peers: 'direct direct uncertain relay relay',
    ipv4: { pooling: true },
  },
  'fragments dropped': { ...portRestricted, ipv4: { fragments: false } },
  'short timers': { ...portRestricted, asked: { hairpin: false, lifetime: '4 to 5 s' } },
  '5 % loss': portRestricted,
  'IPv6 with a firewall': portRestricted,
  'UDP blocked': blocked,
  'UDP rejected': blocked,
  'UDP rejected now and then': blocked,
  'only 443/TCP': blocked,
};

/** The whole report, but for what differs from run to run. */
export function expectedReport(home: Home, asked: Asked, servers: LabServers): Expected {
  const { kind, wanAddress } = home;
  const expectation = expectations[kind.name]!;
  const seen = whatIsSeen(home, expectation, asked);
  const isDual = kind.ipv6 === true && asked === 'own';
  return {
    exitCode: seen.relay === 'unknown' ? 3 : seen.relay === 'needed' ? 1 : 0,
    report: {
      relay: seen.relay,
      peers: peersOf(seen.peers),
      relayTransports: transportsOf(home, asked),
      servers: qualifications(home, asked, servers),
      ipv4: expectedFamily(home, asked, expectation),
      ipv6: expectedIpv6(home, asked),
      gateway: expectation.gateway?.replace('WAN', wanAddress) ?? 'unknown',
      interfaces: ['eth0'],
      transports: { ...grid(home, asked, ''), ...(isDual ? grid(home, asked, '6') : {}) },
      nat64: 'unknown',
      captivePortal: 'not tested',
    },
  };
}

/** As {@link expectedReport}; without what the kind leaves to chance, which is whether a packet is rejected or just dropped. */
export function comparable(report: ReportDigest, { kind }: Home): ReportDigest {
  if (kind.name !== 'UDP rejected now and then') return report;
  const ipv4 = report.ipv4.udp === 'blocked' ? { ...report.ipv4, udp: 'rejected' } : report.ipv4;
  const refused = Object.entries(report.transports).map(([key, outcome]) => [
    key,
    key.startsWith('udp') ? outcome.replace('dropped, rejected', 'rejected').replace('dropped', 'rejected') : outcome,
  ]);
  return { ...report, ipv4, transports: Object.fromEntries(refused) };
}

type Seen = Pick<Expectation, 'relay' | 'peers'>;

/** What can be told from the servers that are asked. */
function whatIsSeen({ kind }: Home, { relay, peers }: Expectation, asked: Asked): Seen {
  if (blockingKinds.includes(kind)) {
    const uncertain = 'uncertain uncertain uncertain uncertain uncertain';
    return showsThatUdpIsBlocked(kind, asked) ? { relay, peers } : { relay: 'unknown', peers: uncertain };
  }
  // Whom an endpoint-independent NAT lets in decides about symmetric peers.
  if (asked === 'plain' && relay !== 'needed')
    return { relay: 'sometimes', peers: 'direct direct direct direct uncertain' };
  return { relay, peers };
}

/** It takes more than one server, and one that is reached over TCP. */
function showsThatUdpIsBlocked({ name }: NatKind, asked: Asked): boolean {
  return asked === 'own' || (asked === 'plain' && name !== 'only 443/TCP');
}

function peersOf(list: string): Verdict['peers'] {
  const kinds = ['public', 'full-cone', 'restricted-cone', 'port-restricted-cone', 'symmetric'];
  const outcomes = list.split(' ');
  return Object.fromEntries(kinds.map((kind, n) => [kind, outcomes[n]])) as unknown as Verdict['peers'];
}

function transportsOf({ kind }: Home, asked: Asked): Verdict['relayTransports'] {
  if (kind.name === 'only 443/TCP') return asked === 'own' ? ['tcp', 'tls'] : [];
  const streams = asked === 'plain' ? (['tcp'] as const) : (['tcp', 'tls'] as const);
  return blockingKinds.includes(kind) ? streams : ['udp', ...streams];
}

function qualifications(home: Home, asked: Asked, servers: LabServers): ReportDigest['servers'] {
  const kind = blockingKinds.includes(home.kind) ? 'unknown' : asked === 'plain' ? 'plain' : 'rfc5780';
  return Object.fromEntries(servers.chosen(home, asked).map((server) => [server, kind]));
}

function expectedFamily(home: Home, asked: Asked, expectation: Expectation): FamilyDigest {
  const { kind, clientAddress, seenAddress, secondAddress } = home;
  if (blockingKinds.includes(kind)) {
    const udp = kind.name.startsWith('UDP rejected') ? 'rejected' : 'blocked';
    return { udp: showsThatUdpIsBlocked(kind, asked) ? udp : 'unknown', local: clientAddress, found: [] };
  }
  const fromDiscovery = asked !== 'plain';
  return {
    udp: 'works',
    local: clientAddress,
    mapped: [seenAddress, ...(secondAddress ? [secondAddress] : [])].sort(),
    translated: kind.translates,
    mapping: kind.mapping,
    filtering: fromDiscovery ? kind.filtering : 'not tested',
    classicName: fromDiscovery ? expectation.name : null,
    stable: true,
    unsolicitedKeepsMapping: fromDiscovery && expectation.name === 'port-restricted cone' ? true : 'not tested',
    pooling: false,
    ports: 'preserving',
    lifetime: 'not tested',
    hairpin: 'not tested',
    fragments: true,
    rewriting: fromDiscovery ? false : 'not tested',
    ...expectation.ipv4,
    ...(fromDiscovery ? {} : { fragments: 'not tested', unsolicitedKeepsMapping: 'not tested' }),
    ...(asked === 'own' ? expectation.asked : {}),
  };
}

function expectedIpv6({ kind, clientAddress6 }: Home, asked: Asked): FamilyDigest {
  if (clientAddress6 === undefined) return { udp: 'no-address', local: null, found: [] };
  if (asked !== 'own') return { udp: 'unknown', local: clientAddress6, found: [] };
  const isOpen = kind.filtering === 'endpoint-independent';
  return {
    udp: 'works',
    local: clientAddress6,
    mapped: [clientAddress6],
    translated: false,
    mapping: 'endpoint-independent',
    filtering: kind.filtering,
    classicName: isOpen ? 'open internet' : 'symmetric firewall',
    stable: true,
    unsolicitedKeepsMapping: 'not tested',
    pooling: 'not tested',
    ports: 'not tested',
    lifetime: 'not tested',
    hairpin: 'not tested',
    fragments: true,
    rewriting: false,
  };
}

/** What becomes of each transport at each port: UDP, TCP, TLS. */
const grids: Readonly<Record<Asked | 'own and coturn', Readonly<Record<string, string>>>> = {
  own: { '3478': 'open open open', '5349': 'rejected open open', '443': 'open open open' },
  coturn: { '3478': 'open open open', '5349': 'rejected open open', '443': 'rejected rejected rejected' },
  plain: {
    '3478': 'open open not-tested',
    '3479': 'open open not-tested',
    '5349': 'rejected rejected rejected',
    '443': 'rejected rejected rejected',
  },
  'own and coturn': {
    '3478': 'open open open',
    '5349': 'rejected open open',
    '443': 'open open,rejected open,rejected',
  },
};

function grid({ kind }: Home, asked: Asked, family: '' | '6'): Record<string, string> {
  const isBlocked = blockingKinds.includes(kind);
  const ports = {
    ...grids[isBlocked && asked === 'own' ? 'own and coturn' : asked],
    '80': 'rejected rejected rejected',
  };
  return Object.fromEntries(
    Object.entries(ports).flatMap(([port, outcomes]) => {
      const [udp, ...streams] = outcomes.split(' ').map((outcome) => outcome.replace(',', ', '));
      const isOpen = kind.name !== 'only 443/TCP' || port === '443';
      const [tcp, tls] = streams.map((outcome) => (isOpen ? outcome : 'dropped'));
      const refused = kind.name.startsWith('UDP rejected') ? 'rejected' : 'dropped';
      return Object.entries({ udp: isBlocked ? refused : udp!, tcp: tcp!, tls: tls! }).map(
        ([transport, outcome]) => [`${transport}${family} ${port}`, outcome] as const,
      );
    }),
  );
}
