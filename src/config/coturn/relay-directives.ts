import { isIP, isIPv6 } from 'node:net';
import { formatDuration } from '../quantity.ts';
import type { Conf, ConfLine } from './conf-file.ts';
import {
  type Directives,
  firstWord,
  impossible,
  numbered,
  repeated,
  type Take,
  type TakeContext,
  toggled,
  unneeded,
  valued,
} from './directive.ts';
import { type Fate, noCounterpart, refusedLine, warn } from './fate.ts';
import { peerRule } from './peer-range.ts';

const families = ['ipv4', 'ipv6'] as const;
type Family = (typeof families)[number];

/** coturn relays on the families of its relay-ip only. */
const relayIp: Take<string> = (value, { line, conf, draft }) => {
  const ip = firstWord(value);
  if (isIP(ip) === 0) return refusedLine('its value is no IP address');
  const family = familyOf(ip);
  const first = relayIps(conf, family)[0]!;
  if (first.ip === ip && first.line !== line) return noCounterpart(`line ${first.line.number} names the same address`);
  if (first.line !== line) {
    return refusedLine(`relays are opened on one address of a family here, and line ${first.line.number} names one`);
  }
  const fate = draft.set(`relay.${family}.address`, ip, line);
  const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
  if (relayIps(conf, other).length > 0 || fate.kind !== 'taken over') return fate;
  draft.set(`relay.${other}.address`, 'none', line);
  return { ...fate, as: `${fate.as}, and relay.${other}.address: none, as no relay-ip is of that family` };
};

function relayIps(conf: Conf, family: Family): readonly { readonly ip: string; readonly line: ConfLine }[] {
  return addressLines(conf, 'relay-ip', family);
}

function addressLines(conf: Conf, name: string, family: Family) {
  return conf.all(name).flatMap((line) => {
    const ip = firstWord(line.value ?? '');
    return isIP(ip) !== 0 && familyOf(ip) === family ? [{ ip, line }] : [];
  });
}

function familyOf(ip: string): Family {
  return isIPv6(ip) ? 'ipv6' : 'ipv4';
}

interface ExternalIp {
  readonly line: ConfLine;
  readonly family: Family;
  readonly outside: string;
  /** The address of this machine that it stands for, where the line says so. */
  readonly inside: string | undefined;
}

function externalIpOf(line: ConfLine): ExternalIp | undefined {
  const [outside = '', inside, ...rest] = firstWord(line.value ?? '').split('/');
  if (outside === '' || inside === '' || rest.length > 0) return undefined;
  const family = familyOf(outside);
  const fits = inside === undefined || (isIP(inside) !== 0 && familyOf(inside) === family);
  return fits ? { line, family, outside, inside } : undefined;
}

/** One external address of a family: the one that belongs to the address on which relays are opened. */
function chosenExternalIp(conf: Conf, family: Family): ExternalIp | undefined {
  const all = conf.all('external-ip').flatMap((line) => externalIpOf(line) ?? []);
  const ofFamily = all.filter((external) => external.family === family);
  const relays = relayIps(conf, family);
  const local = relays.length > 0 ? relays.slice(0, 1) : addressLines(conf, 'listening-ip', family);
  const mapped = local.flatMap(({ ip }) => ofFamily.find(({ inside }) => inside === ip) ?? []);
  return mapped[0] ?? ofFamily.find(({ inside }) => inside === undefined) ?? ofFamily[0];
}

const externalIp: Take<string> = (_value, { line, conf, draft }) => {
  const external = externalIpOf(line);
  if (external === undefined) return refusedLine('its value is neither an address nor PUBLIC/PRIVATE of one family');
  const { family, outside, inside } = external;
  const chosen = chosenExternalIp(conf, family)!;
  if (chosen.line !== line) {
    return refusedLine(`there is one external address for each family here, and line ${chosen.line.number} gives it`);
  }
  const relay = relayIps(conf, family)[0]?.ip;
  if (inside !== undefined && relay !== undefined && inside !== relay) {
    return refusedLine(`relays are opened on ${relay}, and this line maps ${inside}`);
  }
  const fate = draft.set(`relay.${family}.external`, outside, line);
  if (inside === undefined || relay !== undefined || fate.kind !== 'taken over') return fate;
  draft.set(`relay.${family}.address`, inside, line);
  return { ...fate, as: `relay.${family}.address: ${inside}, ${fate.as}` };
};

/** One end of the port range; the other end comes from its own line, or is coturn's default. */
function portRange({ conf, line, draft }: TakeContext): Fate {
  const end = (name: string, fallback: number) => {
    const port = Number.parseInt(conf.last(name)?.value ?? '', 10);
    return Number.isNaN(port) ? fallback : port;
  };
  return draft.set('relay.ports', `${end('min-port', 49_152)}-${end('max-port', 65_535)}`, line);
}

const longestSeconds = 86_400;

const maxLifetime: Take<number> = (seconds, { line, draft }) => {
  if (seconds === 0) return refusedLine('an allocation cannot live for 0 seconds');
  const taken = Math.min(seconds, longestSeconds);
  // A default above the most that may be asked for would be refused.
  if (taken < 600) draft.set('relay.lifetime.default', formatDuration(taken * 1000), line);
  const fate = draft.set('relay.lifetime.max', formatDuration(taken * 1000), line);
  return warn(fate, taken < seconds ? 'a day is the most' : undefined);
};

/** A lifetime that the RFC fixes: a longer one may be what clients rely on. */
function fixedLifetime(what: string, fixedSeconds: number) {
  return numbered((seconds) => {
    const rule = `RFC 8656 gives a ${what} ${fixedSeconds} seconds`;
    if (seconds > fixedSeconds) return refusedLine(`${rule}; clients that rely on more would lose theirs`);
    return noCounterpart(seconds === fixedSeconds ? rule : `${rule}, and clients refresh it`);
  }, fixedSeconds);
}

const peerIps =
  (key: string): Take<string> =>
  (value, { line, draft }) => {
    const text = firstWord(value);
    const rule = peerRule(text);
    if (rule === undefined) return refusedLine('its value is neither an address nor a range FIRST-LAST of one family');
    return warn(draft.add(key, rule, line), text === value ? undefined : 'what follows the range does not count');
  };

const allowLoopback: Take<true> = (_on, { line, draft }) => {
  draft.add('relay.peers.allow', '127.0.0.0/8', line);
  draft.add('relay.peers.allow', '::1', line);
  return {
    kind: 'taken over',
    as: 'relay.peers.allow: 127.0.0.0/8, ::1',
    warning: 'clients reach every service of this machine; remove it outside of tests',
  };
};

const ipv4First = 'a client that names no family gets IPv4, as RFC 8656 has it';
const otherFamily = 'clients over IPv6 that name no family get an IPv4 relay as well';

const defaultFamily: Take<string> = (value) => {
  if (firstWord(value) === 'ipv4') return noCounterpart(ipv4First);
  return noCounterpart(ipv4First, otherFamily);
};

/** Where peers are reached from, and which. */
export const relayDirectives: Directives = {
  'relay-ip': repeated(relayIp),
  'relay-device': impossible('sockets are not bound to a device here; name an address of the device as relay-ip'),
  'external-ip': repeated(externalIp),
  'min-port': numbered((_port, context) => portRange(context)),
  'max-port': numbered((_port, context) => portRange(context)),
  'relay-threads': numbered((threads, { line, draft }) =>
    draft.set('relay.workers', Math.min(64, Math.max(1, threads)), line),
  ),
  'no-udp-relay': toggled(refusedLine('relaying over UDP cannot be switched off')),
  'no-tcp-relay': toggled((_on, { line, draft }) => draft.set('relay.tcp', false, line)),
  'keep-address-family': toggled(noCounterpart(ipv4First, otherFamily)),
  'allocation-default-address-family': valued(defaultFamily),
  'sock-buf-size': unneeded('the socket buffers are sized by the server'),
  'max-allocate-lifetime': numbered(maxLifetime, 3600),
  'max-allocate-timeout': unneeded('unfinished connections are bounded by limits.connections'),
  'channel-lifetime': fixedLifetime('channel', 600),
  'permission-lifetime': fixedLifetime('permission', 300),
  'allowed-peer-ip': repeated(peerIps('relay.peers.allow')),
  'denied-peer-ip': repeated(peerIps('relay.peers.deny')),
  'no-dynamic-ip-list': unneeded('rules about peers come from the configuration only'),
  'no-multicast-peers': toggled(
    noCounterpart('multicast addresses are denied by default'),
    noCounterpart('multicast addresses are denied by default; relay.peers.allow would open them'),
  ),
  'no-loopback-peers': unneeded('loopback addresses are denied by default'),
  'allow-loopback-peers': toggled(allowLoopback),
  'server-relay': toggled(refusedLine('it lets anybody send to clients without their permission')),
  mobility: toggled(noCounterpart('mobility (RFC 8016) is answered with 405, and clients allocate anew')),
  'alternate-server': impossible(
    'coturn sends every client away; here alternateServers names where clients go only while this server drains',
  ),
  'tls-alternate-server': impossible(
    'coturn sends every client away; here alternateServers names where clients go only while this server drains',
  ),
};
