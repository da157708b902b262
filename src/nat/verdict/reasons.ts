import type { Behavior, ClassicName } from '../behavior.ts';
import { valueIn } from '../finding.ts';
import type { FamilyReport } from '../report.ts';
import { connectsDirectly, type Evidence, type FamilyOutlook, type Outlook } from './outlook.ts';
import { dependsOnPeer, losesPortToUnsolicited } from './peer-reach.ts';

const mappingWords: Readonly<Record<Behavior, string>> = {
  'endpoint-independent':
    'the router gives a program one public address and port, whoever it talks to (endpoint-independent mapping), so others can be told where it is',
  'address-dependent':
    'the router gives a program another public port for each computer it talks to (address-dependent mapping), so nobody can be told where it is',
  'address-and-port-dependent':
    'the router gives a program another public port for each connection (address-and-port-dependent mapping), so nobody can be told where it is',
};

const filteringWords: Readonly<Record<Behavior, string>> = {
  'endpoint-independent': 'lets everybody in at an address that is in use (endpoint-independent filtering)',
  'address-dependent': 'lets in only computers that were written to before (address-dependent filtering)',
  'address-and-port-dependent':
    'lets in only what comes from exactly where something was sent before (address-and-port-dependent filtering)',
};

const classicWords: Readonly<Record<ClassicName, string>> = {
  'open internet': 'this is called an open internet connection',
  'symmetric firewall': 'this is called a symmetric firewall',
  'full cone': 'this is called a full cone NAT',
  'restricted cone': 'this is called a restricted cone NAT',
  'port-restricted cone': 'this is called a port-restricted cone NAT',
  symmetric: 'this is called a symmetric NAT',
};

/** Why the verdict is as it is, the weightiest first. */
export function reasonsFor(evidence: Evidence, { ipv4, ipv6 }: Outlook): string[] {
  // That a family is missing is of no weight where the other one connects directly.
  const tells = (one: FamilyOutlook, other: FamilyOutlook) => one.asked && (says(one) || !connectsDirectly(other));
  const both = says(ipv4) && says(ipv6);
  return [
    ...surroundings(evidence),
    ...(ipv4.asked ? familyReasons(evidence.ipv4, 'IPv4', both) : []),
    ...(tells(ipv6, ipv4) ? familyReasons(evidence.ipv6, 'IPv6', both) : []),
    ...nat64Reasons(evidence),
    ...gatewayReasons(evidence),
    ...interceptionReasons(evidence),
  ];
}

/** Whether more is known of a family than that it is missing. */
function says({ reach }: FamilyOutlook): boolean {
  return reach.kind === 'works' || reach.kind === 'blocked';
}

/** The name of the VPN interface that everything leaves through, if it does. */
export function vpnName({ interfaces }: Evidence): string | undefined {
  return interfaces.find(({ kind, isDefault }) => isDefault && kind === 'vpn')?.name;
}

function surroundings(evidence: Evidence): string[] {
  const reasons: string[] = [];
  if (valueIn(evidence.captivePortal)?.captured) {
    reasons.push('A login page answers in place of the internet (captive portal).');
  }
  const vpn = vpnName(evidence);
  if (vpn !== undefined) {
    reasons.push(`Everything leaves through a VPN (${vpn}), so this is about the VPN and not the network below it.`);
  }
  return reasons;
}

function familyReasons(report: FamilyReport, family: 'IPv4' | 'IPv6', both: boolean): string[] {
  const { udp } = report;
  if (udp.state !== 'found') return [`Whether ${family} works is not known: ${clause(udp.why)}.`];
  switch (udp.value) {
    case 'no-address':
      return [`There is no ${family}: this machine has no address of it that leads outside.`];
    case 'no-route':
      return [`There is no ${family}: no route leads outside.`];
    case 'blocked':
      return [`${family}: no UDP gets through: ${clause(udp.evidence)}.`];
    case 'rejected':
      return [`${family}: UDP is turned away: ${clause(udp.evidence)}.`];
    case 'works':
      return behaviorReasons(report, both ? `${family}: ` : '');
  }
}

function behaviorReasons(report: FamilyReport, prefix: string): string[] {
  const say = (text: string) => `${prefix}${prefix === '' ? text[0]!.toUpperCase() + text.slice(1) : text}.`;
  const mapping = mappingReason(report);
  const reasons = [say(mapping), say(filteringReason(report))];
  if (report.classicName !== null) reasons.push(say(classicWords[report.classicName]));
  if (valueIn(report.stable) === false) {
    reasons.push(say('the public address of a program changed while it was in use, so others lose track of it'));
  }
  if (losesPortToUnsolicited(report)) {
    reasons.push(
      say(
        'when a packet from the other side comes before one was sent there, the router gives the program another public port, so a direct connection fails unless this side is first',
      ),
    );
  }
  if (valueIn(report.pooling))
    reasons.push(say('one program was seen under several public addresses (address pooling)'));
  if (valueIn(report.rewriting)) {
    reasons.push(say('something on the way changes addresses inside of packets (an application layer gateway, ALG)'));
  }
  if (valueIn(report.fragments) === false) {
    reasons.push(say('packets that are too large for one piece do not get through'));
  }
  const lifetime = valueIn(report.lifetime);
  if (lifetime !== undefined) {
    const gone = lifetime.goneAfterSeconds;
    const until = gone === null ? '' : `, and forgotten after ${gone} s`;
    reasons.push(say(`a connection without traffic is still known after ${lifetime.aliveAfterSeconds} s${until}`));
  }
  return reasons;
}

function mappingReason(report: FamilyReport): string {
  const { translated, mapping } = report;
  if (valueIn(translated) === false)
    return 'this machine is seen under its own address, nothing translates it (no NAT)';
  if (mapping.state === 'found') return mappingWords[mapping.value];
  if (dependsOnPeer(report)) {
    return 'the router gives a program another public address for other peers (no endpoint-independent mapping), so nobody can be told where it is';
  }
  return `how public addresses are given to programs is not known: ${clause(mapping.why)}`;
}

function filteringReason({ translated, filtering }: FamilyReport): string {
  const who = valueIn(translated) === false ? 'the network' : 'the router';
  if (filtering.state === 'found') {
    const firewall = valueIn(translated) === false && filtering.value !== 'endpoint-independent';
    return `${firewall ? 'a firewall' : who} ${filteringWords[filtering.value]}`;
  }
  return `whom ${who} lets in is not known: ${clause(filtering.why)}`;
}

function nat64Reasons({ ipv4, nat64 }: Evidence): string[] {
  const found = valueIn(nat64);
  if (found === undefined || valueIn(ipv4.udp) === 'works') return [];
  const prefix = found.prefix === null ? '' : ` (${found.prefix})`;
  return [`IPv4 is reached through a translator (NAT64)${prefix}, whose behaviour towards peers was not tested.`];
}

function gatewayReasons({ gateway }: Evidence): string[] {
  const found = valueIn(gateway);
  if (found?.carrierNat) {
    return ['The internet provider puts several customers behind one address (carrier-grade NAT).'];
  }
  if (found?.nats === 'two-or-more')
    return ['There are two routers in a row that both translate addresses (double NAT).'];
  return [];
}

function interceptionReasons({ transports }: Evidence): string[] {
  const intercepted = transports.filter(({ outcome }) => outcome === 'intercepted');
  if (intercepted.length === 0) return [];
  const ports = [...new Set(intercepted.map(({ transport, port }) => `${transport.toUpperCase()} ${port}`))];
  return [
    `Something answers that does not seem to be the servers (${ports.join(', ')}): a proxy on the way, or a certificate of their own.`,
  ];
}

/** A sentence to go on with inside of another one. */
function clause(sentence: string): string {
  const text = sentence.replace(/[.\s]+$/, '');
  // Not of a name or an abbreviation.
  return /^[A-Z][a-z' ]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
