import { valueIn } from '../finding.ts';
import type { Verdict } from '../report.ts';
import { connectsDirectly, type Evidence, isThere, type Outlook } from './outlook.ts';

/** The verdict for a person who has never heard of NAT. */
export function verdictSentence(evidence: Evidence, outlook: Outlook, transports: Verdict['relayTransports']): string {
  switch (outlook.need) {
    case 'not-needed':
      return 'This network needs no relay: calls connect directly, unless the other side blocks them.';
    case 'sometimes':
      return sometimes(evidence, outlook);
    case 'needed':
      return needed(evidence, outlook, transports);
    case 'unknown':
      return unknown(evidence, outlook);
  }
}

function sometimes(evidence: Evidence, { ipv4, ipv6, peers }: Outlook): string {
  if (ipv4.asked && !isThere(ipv4)) {
    const rest = valueIn(evidence.nat64) === undefined ? 'all others need' : 'others may need';
    return `This network has IPv6 only: calls are direct with those who have IPv6; ${rest} a relay.`;
  }
  if (!connectsDirectly(ipv4) && connectsDirectly(ipv6) && ipv4.asked) {
    return 'Calls connect directly with those who have IPv6 too; with most others this network needs a relay.';
  }
  if ((ipv4.asked ? ipv4 : ipv6).byChance) {
    return ipv4.asked && connectsDirectly(ipv6)
      ? 'Calls connect directly with those who have IPv6 too; with others only now and then.'
      : 'Direct calls work here only now and then, so this network needs a relay to fall back on.';
  }
  if (peers.symmetric === 'relay') {
    return 'Most calls connect directly; towards strict networks (offices, mobile data) they need a relay.';
  }
  return 'Most calls connect directly; whether they need a relay towards strict networks is not known.';
}

function needed(evidence: Evidence, { ipv4, ipv6 }: Outlook, transports: Verdict['relayTransports']): string {
  const blocked = [ipv4, ipv6].filter(isThere).every(({ reach }) => reach.kind === 'blocked');
  if (!blocked) return 'This network needs a relay, a server in between: without one most calls would not connect.';
  if (transports.length > 0) {
    return 'This network needs a relay: it blocks the kind of traffic (UDP) that connects calls directly.';
  }
  const tried = evidence.transports.some(({ outcome }) => outcome !== 'not-tested');
  return tried
    ? 'Calls will hardly work here: direct ones are blocked (no UDP), and no way to a relay was found.'
    : 'This network needs a relay: it blocks the kind of traffic (UDP) that connects calls directly.';
}

function unknown(evidence: Evidence, { ipv4, ipv6 }: Outlook): string {
  if (valueIn(evidence.captivePortal)?.captured) {
    return 'This network wants you to log in first: open any web page, log in, and run this again.';
  }
  const asked = [ipv4, ipv6].filter((one) => one.asked);
  if (asked.length > 0 && asked.every((one) => one.reach.kind === 'absent')) {
    return asked.length === 2
      ? 'This machine is not connected to the internet: there is no network to test.'
      : `This machine has no ${ipv4.asked ? 'IPv4' : 'IPv6'} network to test.`;
  }
  if (isThere(ipv6) && connectsDirectly(ipv6)) {
    return 'Calls connect directly with those who have IPv6 too; whether others need a relay is not known.';
  }
  if (valueIn(evidence.ipv4.stable) === false) {
    return 'This network changes addresses while they are in use, so direct calls may fail: have a relay ready.';
  }
  return 'Whether this network needs a relay could not be found out.';
}
