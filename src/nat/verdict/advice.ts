import { valueIn } from '../finding.ts';
import type { FamilyReport, Verdict } from '../report.ts';
import { connectsDirectly, type Evidence, isThere, type Outlook } from './outlook.ts';
import { losesPortToUnsolicited, mappingOf } from './peer-reach.ts';
import { vpnName } from './reasons.ts';
import { openPorts } from './relay-transports.ts';

/** ICE sends one every 15 s when nothing else is sent (RFC 8445 §11). */
const iceKeepaliveSeconds = 15;
/** Where larger packets are lost: what every IPv6 path carries in one piece (RFC 8200 §5), less IPv6 and UDP headers. */
const safePayloadBytes = 1280 - 40 - 8;

/** What to do about it, one sentence each. */
export function adviceFor(evidence: Evidence, outlook: Outlook, transports: Verdict['relayTransports']): string[] {
  const around = surroundings(evidence);
  if (valueIn(evidence.captivePortal)?.captured && outlook.need === 'unknown') return around;
  return [
    ...around,
    ...relayAdvice(evidence, outlook, transports),
    ...blockedAdvice(outlook),
    ...natAdvice(evidence, outlook),
    ...uncertaintyAdvice(evidence, outlook),
    ...[evidence.ipv4, evidence.ipv6].flatMap(detailAdvice).filter((text, i, all) => all.indexOf(text) === i),
    ...interceptionAdvice(evidence),
  ];
}

function surroundings(evidence: Evidence): string[] {
  const advice: string[] = [];
  if (valueIn(evidence.captivePortal)?.captured) advice.push('Log in on the page of the network, then run this again.');
  if (vpnName(evidence) !== undefined) {
    advice.push('To learn about the network itself, disconnect the VPN and run this again.');
  }
  return advice;
}

function relayAdvice(
  evidence: Evidence,
  { ipv4, ipv6, need }: Outlook,
  transports: Verdict['relayTransports'],
): string[] {
  if (need === 'not-needed' || !(isThere(ipv4) || isThere(ipv6))) return [];
  const how =
    need === 'needed'
      ? 'Give your app a relay (a TURN server)'
      : 'Give your app a relay (a TURN server) to fall back on';
  const [best] = transports;
  switch (best) {
    case 'udp':
      return [`${how}: over UDP, as turn:HOST, it is reachable from here.`];
    case 'tcp':
      return [`${how}, over ${overTcp(evidence, transports)}.`];
    case 'tls':
      return [`${how}, over TLS: turns:HOST:${openPorts(evidence, 'tls')[0] ?? 443}?transport=tcp gets through.`];
    case undefined:
      return [
        `${how} that listens for TLS on port 443 (turns:HOST:443?transport=tcp), which most networks let through.`,
      ];
  }
}

function overTcp(evidence: Evidence, transports: Verdict['relayTransports']): string {
  const tls = openPorts(evidence, 'tls')[0];
  if (transports.includes('tls') && tls !== undefined) return `TLS: turns:HOST:${tls}?transport=tcp gets through`;
  const port = openPorts(evidence, 'tcp')[0];
  return `TCP: turn:HOST${port === undefined ? '' : `:${port}`}?transport=tcp gets through`;
}

function blockedAdvice({ ipv4, ipv6 }: Outlook): string[] {
  const blocked = [ipv4, ipv6].filter((one) => one.reach.kind === 'blocked');
  const works = [ipv4, ipv6].some((one) => one.reach.kind === 'works');
  if (blocked.length === 0 || works) return [];
  return [
    'If the firewall is yours: allow UDP to port 3478 of your relay, which makes calls quicker and clearer than TCP.',
  ];
}

function natAdvice(evidence: Evidence, outlook: Outlook): string[] {
  if (outlook.need === 'not-needed') return [];
  const gateway = valueIn(evidence.gateway);
  const advice: string[] = [];
  if (gateway?.carrierNat) {
    advice.push(
      'Settings of your own router do not help against the NAT of the provider; ask for a public IPv4 address, or for IPv6.',
    );
  } else if (gateway?.nats === 'two-or-more') {
    advice.push('If both routers are yours, set one of them to bridge mode, so that only one translates.');
  } else if (outlook.ipv4.need === 'needed' && outlook.ipv4.reach.kind === 'works') {
    advice.push(
      'If the router is yours, look for a setting such as "NAT type", "full cone" or "endpoint-independent"; otherwise a relay is all that helps.',
    );
  }
  if (
    outlook.ipv6.asked &&
    !isThere(outlook.ipv6) &&
    outlook.ipv4.need === 'needed' &&
    outlook.ipv4.reach.kind === 'works'
  ) {
    advice.push(
      'With IPv6, calls with those who have it too would connect directly: turn it on where router and provider have it.',
    );
  }
  return advice;
}

function uncertaintyAdvice({ ipv4, ipv6 }: Evidence, outlook: Outlook): string[] {
  const open = [ipv4, ipv6].some((report) => {
    const mapping = mappingOf(report);
    const decides = mapping === 'endpoint-independent' && report.filtering.state !== 'found';
    return valueIn(report.udp) === 'works' && (mapping === undefined || decides);
  });
  if (open) {
    return [
      'To find out the rest, name a server that answers RFC 5780 from two addresses: --server HOST (taciturn does, with natDiscovery).',
    ];
  }
  const asked = [outlook.ipv4, outlook.ipv6].filter((one) => one.asked);
  if (asked.length > 0 && asked.every(({ reach }) => reach.kind === 'absent'))
    return ['Connect this machine to a network, then run this again.'];
  if (asked.some(({ reach }) => reach.kind === 'unknown') && !asked.some(connectsDirectly)) {
    return ['Run it again, and name servers that you know to work: --server HOST:PORT.'];
  }
  return [];
}

function detailAdvice(report: FamilyReport): string[] {
  const { lifetime, stable, pooling, fragments, rewriting, hairpin } = report;
  const advice: string[] = [];
  if (losesPortToUnsolicited(report)) advice.push(dropUnsolicited('the router'));
  const known = valueIn(lifetime);
  if (known !== undefined) advice.push(keepaliveAdvice(known.aliveAfterSeconds));
  if (valueIn(stable) === false) {
    advice.push('Restart ICE when a call breaks: the public address of a program may change at any time here.');
  }
  if (valueIn(pooling)) {
    advice.push('Do not tie a login or a permission to one address: this network has a pool of them.');
  }
  if (valueIn(fragments) === false) {
    advice.push(`Keep packets to ${safePayloadBytes} bytes and less: larger ones are lost on the way.`);
  }
  if (valueIn(rewriting)) {
    advice.push(
      'Turn off ALG settings (such as "SIP ALG") in the router; TLS to the relay keeps it from reading along.',
    );
  }
  if (valueIn(hairpin) === false) {
    advice.push(
      'Two machines in this network do not reach each other at their public address: let ICE offer local addresses too.',
    );
  }
  return advice;
}

/** What keeps a router from taking such packets for itself. */
export function dropUnsolicited(router: string): string {
  return `If you can set up ${router}: let its firewall drop what comes from the internet unasked, also what is for itself; ports are kept then.`;
}

function keepaliveAdvice(aliveAfterSeconds: number): string {
  // One of two may be lost.
  const seconds = Math.max(1, Math.floor(aliveAfterSeconds / 2));
  if (seconds >= iceKeepaliveSeconds) {
    return `Send a keepalive at least every ${seconds} s where nothing else is sent; that of ICE (every ${iceKeepaliveSeconds} s) is enough.`;
  }
  return `Send a keepalive every ${seconds} s where nothing else is sent: that of ICE (every ${iceKeepaliveSeconds} s) is too rare here.`;
}

function interceptionAdvice({ transports }: Evidence): string[] {
  const tls = transports.some(({ transport, outcome }) => transport === 'tls' && outcome === 'intercepted');
  return tls
    ? ['Ask whoever runs the network to leave connections to your relay alone: its TLS inspection breaks them.']
    : [];
}
