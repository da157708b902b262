import type { Behavior } from '../../src/nat/behavior.ts';
import { type Confidence, type Found, notTested, unknown } from '../../src/nat/finding.ts';
import type { Diagnosis, FamilyReport, TransportReport } from '../../src/nat/report.ts';
import { classicName } from '../../src/nat/verdict/classify.ts';
import type { Evidence } from '../../src/nat/verdict/outlook.ts';
import { judge } from '../../src/nat/verdict/verdict.ts';

export const independent: Behavior = 'endpoint-independent';
export const addressDependent: Behavior = 'address-dependent';
export const strict: Behavior = 'address-and-port-dependent';
export const everyBehavior: readonly Behavior[] = [independent, addressDependent, strict];

export function found<T>(value: T, evidence = 'Seen.', confidence: Confidence = 'high', elapsedMs = 24): Found<T> {
  return { state: 'found', value, confidence, evidence, elapsedMs };
}

/** A diagnosis with the verdict that follows from it. */
export function diagnosis(evidence: Partial<Evidence> = {}): Diagnosis {
  const whole: Evidence = {
    servers: [
      {
        server: 'stun.example.org:3478',
        addresses: ['198.51.100.10'],
        qualification: found('rfc5780'),
        roundTripMs: 23.6,
        notes: [],
      },
    ],
    ipv4: family(),
    ipv6: noFamily('no-address'),
    nat64: unknown('ipv4only.arpa has no AAAA record.'),
    gateway: unknown('The router answers neither NAT-PMP, PCP nor UPnP.'),
    interfaces: [
      { name: 'eth0', addresses: ['192.168.1.2'], kind: 'ethernet', isDefault: true },
      { name: 'docker0', addresses: ['172.17.0.1'], kind: 'virtual', isDefault: false },
    ],
    transports: grid({ 'udp 3478': 'open', 'tcp 3478': 'open', 'tls 5349': 'open', 'tls 443': 'open' }),
    captivePortal: notTested('Only with --captive-portal.'),
    ...evidence,
  };
  const ran = { startedAt: '2027-01-15T08:00:00.000Z', elapsedMs: 5820 };
  return { schema: 1, kind: 'diagnosis', ...ran, verdict: judge(whole), ...whole };
}

/** A family that works, behind a port-restricted cone where nothing else is said. */
export function family(report: Partial<FamilyReport> = {}): FamilyReport {
  const whole: FamilyReport = {
    udp: found('works', '198.51.100.10:3478 answered.'),
    local: '192.168.1.2',
    mapped: ['203.0.113.1:41234'],
    translated: found(true, 'The server sees 203.0.113.1:41234, this machine sent from 192.168.1.2:41234.'),
    mapping: found(independent, 'Four servers and ports saw the same 203.0.113.1:41234.', 'high', 98),
    filtering: found(strict, 'Answers from another port and from another address did not arrive.', 'high', 1540),
    classicName: null,
    stable: found(true, 'The first server saw the same port again.'),
    unsolicitedKeepsMapping: found(true, 'The other address of the server saw the same port.'),
    pooling: found(false, 'All servers saw one address.'),
    ports: found(
      { allocation: 'preserving', parityPreserved: true, step: null, span: 22_817 },
      '8 of 8 ports were kept.',
      'high',
      180,
    ),
    lifetime: notTested('Only with --lifetime.'),
    hairpin: notTested('Only with --hairpin.'),
    fragments: found(true, 'A request of 1700 bytes was answered.', 'high', 31),
    rewriting: found(false, 'MAPPED-ADDRESS and XOR-MAPPED-ADDRESS are the same.'),
    ...report,
  };
  return { ...whole, classicName: report.classicName ?? classicName(whole) };
}

/** A family behind a NAT of this behaviour; `undefined` is unknown. */
export function behind(
  mapping: Behavior | undefined,
  filtering: Behavior | undefined,
  more: Partial<FamilyReport> = {},
) {
  return family({
    mapping: mapping === undefined ? unknown('Fewer than two servers answered.') : found(mapping),
    filtering: filtering === undefined ? unknown('No server can answer from another address.') : found(filtering),
    ...more,
  });
}

/** A family without a NAT. */
export function untranslated(local: string, filtering: Behavior): FamilyReport {
  return family({
    local,
    mapped: [local.includes(':') ? `[${local}]:41234` : `${local}:41234`],
    translated: found(false, 'The server sees the address that this machine sent from.'),
    mapping: found(independent, 'Nothing translates.'),
    filtering: found(filtering),
    ports: notTested('There is no NAT.'),
  });
}

/** A family in which nothing works, or nothing is known. */
export function noFamily(
  udp: 'blocked' | 'rejected' | 'no-address' | 'no-route' | 'unknown' | 'not-tested',
): FamilyReport {
  const nothing = notTested('UDP does not work in this family.');
  return {
    udp: udpOf(udp),
    local: udp === 'blocked' || udp === 'rejected' ? '192.168.1.2' : null,
    mapped: [],
    translated: nothing,
    mapping: nothing,
    filtering: nothing,
    classicName: null,
    stable: nothing,
    unsolicitedKeepsMapping: nothing,
    pooling: nothing,
    ports: nothing,
    lifetime: nothing,
    hairpin: nothing,
    fragments: nothing,
    rewriting: nothing,
  };
}

function udpOf(udp: Parameters<typeof noFamily>[0]): FamilyReport['udp'] {
  switch (udp) {
    case 'unknown':
      return unknown('Nothing comes back from 198.51.100.10:3478: UDP is blocked, or nothing answers there.');
    case 'not-tested':
      return notTested('Only the other family was asked for.');
    case 'blocked':
      return found(udp, 'Nothing comes back from 198.51.100.10:3478, 198.51.100.11:3479.', 'medium', 3770);
    case 'rejected':
      return found(udp, '198.51.100.10:3478, 198.51.100.11:3479 are all refused (ECONNREFUSED).', 'medium', 4);
    default:
      return found(udp, 'No interface has an address of this family that leads outside.', 'high', 0);
  }
}

/** What became of each transport and port; what is not named was dropped. */
export function grid(
  outcomes: Readonly<Record<string, TransportReport['outcome']>>,
  ip: 'ipv4' | 'ipv6' = 'ipv4',
): TransportReport[] {
  return (['udp', 'tcp', 'tls'] as const).flatMap((transport) =>
    [3478, 5349, 443, 80].map((port): TransportReport => {
      const outcome = outcomes[`${transport} ${port}`] ?? 'dropped';
      const detail = outcome === 'intercepted' ? 'The certificate is of "Office Proxy CA".' : '';
      const elapsedMs = outcome === 'open' ? 25 : 3000;
      return { family: ip, transport, server: 'stun.example.org', port, outcome, detail, elapsedMs };
    }),
  );
}

/** Networks as people have them. */
export const samples: Readonly<Record<string, () => Diagnosis>> = {
  'port-restricted cone': () =>
    diagnosis({
      gateway: found(
        { address: '192.168.1.1', protocol: 'nat-pmp', wanAddress: '203.0.113.1', nats: 'one', carrierNat: false },
        'The router says that its address outside is 203.0.113.1, as the servers see it.',
        'high',
        9,
      ),
    }),
  'unsolicited packets take the port': () =>
    diagnosis({
      ipv4: behind(independent, strict, {
        unsolicitedKeepsMapping: found(false, '198.51.100.11:3479 saw 203.0.113.1:1024 in place of 203.0.113.1:41234.'),
      }),
    }),
  'full cone': () => diagnosis({ ipv4: behind(independent, independent) }),
  symmetric: () =>
    diagnosis({
      ipv4: behind(strict, strict, {
        mapped: ['203.0.113.1:41234', '203.0.113.1:58021', '203.0.113.1:17740'],
        ports: found({ allocation: 'random', parityPreserved: false, step: null, span: 40_115 }, 'No pattern.'),
        lifetime: found({ aliveAfterSeconds: 20, goneAfterSeconds: 30 }, 'Each was tried twice.', 'high', 95_000),
      }),
    }),
  'symmetric, IPv6 open': () => diagnosis({ ipv4: behind(strict, strict), ipv6: untranslated('2001:db8::2', strict) }),
  'UDP blocked': () =>
    diagnosis({
      ipv4: noFamily('blocked'),
      transports: grid({ 'tcp 443': 'open', 'tls 443': 'open', 'tcp 3478': 'rejected' }),
      servers: [
        {
          server: 'stun.example.org:3478',
          addresses: ['198.51.100.10'],
          qualification: unknown('It does not answer.'),
          roundTripMs: null,
          notes: [],
        },
      ],
    }),
  'nothing gets through': () => diagnosis({ ipv4: noFamily('rejected'), transports: grid({}) }),
  'no network': () =>
    diagnosis({
      ipv4: noFamily('no-address'),
      transports: [],
      interfaces: [],
      servers: [
        {
          server: 'stun.example.org:3478',
          addresses: [],
          qualification: unknown('Its name cannot be resolved (EAI_AGAIN).'),
          roundTripMs: null,
          notes: [],
        },
      ],
      gateway: unknown('There is no router.'),
    }),
  'IPv6 only with NAT64': () =>
    diagnosis({
      ipv4: noFamily('no-address'),
      ipv6: untranslated('2001:db8::2', strict),
      nat64: found({ prefix: '64:ff9b::/96' }, 'ipv4only.arpa has the AAAA record 64:ff9b::c000:aa.', 'high', 12),
      transports: grid({ 'udp 3478': 'open', 'tcp 3478': 'open' }, 'ipv6'),
    }),
  'carrier NAT': () =>
    diagnosis({
      ipv4: behind(independent, strict, {
        ports: found(
          { allocation: 'block', parityPreserved: false, step: null, span: 1024 },
          'All within 1024 ports.',
          'medium',
        ),
      }),
      gateway: found(
        { address: '192.168.1.1', protocol: 'upnp', wanAddress: '100.64.0.2', nats: 'two-or-more', carrierNat: true },
        'The router says that its address outside is 100.64.0.2; the servers see 203.0.113.1.',
        'high',
        41,
      ),
    }),
  'server ignores CHANGE-REQUEST': () =>
    diagnosis({
      ipv4: family({
        filtering: unknown('The server ignores CHANGE-REQUEST, so silence would say nothing.'),
        fragments: unknown('The server knows no PADDING.'),
      }),
      servers: [
        {
          server: 'stun.example.org:3478',
          addresses: ['198.51.100.10'],
          qualification: found('plain'),
          roundTripMs: 23.6,
          notes: ['It ignores CHANGE-REQUEST: the answer came from the same address and port.'],
        },
      ],
    }),
  'login page': () =>
    diagnosis({
      ipv4: noFamily('blocked'),
      captivePortal: found({ captured: true }, 'The web server answered with a redirect to http://login.example/.'),
      transports: grid({ 'tls 443': 'intercepted', 'tcp 443': 'open' }),
    }),
  'VPN, unstable, pooled, fragments lost, ALG': () =>
    diagnosis({
      ipv4: behind(independent, strict, {
        stable: found(false, 'The first server saw 203.0.113.1:41234, later 203.0.113.1:50112.'),
        pooling: found(true, 'Seen as 203.0.113.1 and 203.0.113.2.'),
        fragments: found(false, 'A request of 1700 bytes was not answered, one of 100 was.'),
        rewriting: found(true, 'MAPPED-ADDRESS says 192.168.1.2, XOR-MAPPED-ADDRESS 203.0.113.1.'),
        hairpin: found(false, 'A packet to 203.0.113.1:41235 did not come back.'),
        lifetime: found({ aliveAfterSeconds: 120, goneAfterSeconds: null }, 'Each was tried twice.'),
      }),
      interfaces: [{ name: 'wg0', addresses: ['10.8.0.2'], kind: 'vpn', isDefault: true }],
    }),
  'nothing known': () => diagnosis({ ipv4: noFamily('unknown'), transports: grid({ 'tcp 443': 'open' }) }),
};
