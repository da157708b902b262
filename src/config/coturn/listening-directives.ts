import { isIP, isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { parseHostPort } from '../host.ts';
import type { Conf } from './conf-file.ts';
import {
  type Directives,
  firstWord,
  impossible,
  numbered,
  repeated,
  type Take,
  toggled,
  unneeded,
  valued,
} from './directive.ts';
import { noCounterpart, refusedLine, warn } from './fate.ts';

const wildcards = new Set(['0.0.0.0', '::']);

/** An address to listen on. coturn takes wildcards; here `auto` is every address, each by itself. */
const listeningIp: Take<string> = (value, { line, conf, draft }) => {
  const ips = listeningIps(conf);
  const wild = ips.find((ip) => wildcards.has(ip));
  if (wild === undefined) {
    const first = conf.all('listening-ip').find((other) => other.value && firstWord(other.value) === firstWord(value));
    if (first !== undefined && first !== line) return noCounterpart(`line ${first.number} names the same address`);
    return draft.add('listen.addresses', firstWord(value), line);
  }
  const bothFamilies = [...wildcards].every((ip) => ips.includes(ip));
  return warn(
    draft.set('listen.addresses', 'auto', line),
    bothFamilies ? undefined : 'that is every address of both families; name the addresses to have fewer',
  );
};

function listeningIps(conf: Conf): readonly string[] {
  return conf.all('listening-ip').flatMap(({ value }) => (value === undefined ? [] : [firstWord(value)]));
}

/** A further port, which is opened at every address here. */
const auxServer: Take<string> = (value, { line, conf, draft }) => {
  const server = parseHostPort(firstWord(value), 0);
  if (server === undefined || isIP(server.host) === 0) return refusedLine('its value is no IP:port');
  const ips = listeningIps(conf);
  if (ips.length > 0 && !ips.includes(server.host) && !ips.some((ip) => wildcards.has(ip))) {
    return refusedLine(`${server.host} is none of the listening-ip; add it, as ports count for every address here`);
  }
  if (server.port === (mainPort(conf) ?? 3478)) return noCounterpart('the port is listening-port already');
  const ports = conf.all('aux-server').map(({ value: other }) => other && parseHostPort(firstWord(other), 0)?.port);
  const first = conf.all('aux-server')[ports.indexOf(server.port)]!;
  if (first !== line) return noCounterpart(`line ${first.number} opens the same port at every address`);
  return warn(draft.add('listen.extraPorts', server.port, line), 'the port is opened at every address');
};

function mainPort(conf: Conf): number | undefined {
  const port = Number.parseInt(conf.last('listening-port')?.value ?? '', 10);
  return port > 0 ? port : undefined;
}

/** Two addresses of one family, where the file asks for NAT behaviour discovery. */
export function discoveryAddresses(conf: Conf): Readonly<Record<'ipv4' | 'ipv6', readonly string[]>> {
  const ips = [...new Set(listeningIps(conf))].filter((ip) => isIP(ip) !== 0 && !wildcards.has(ip));
  const ipv4 = ips.filter(isIPv4).slice(0, 2);
  const ipv6 = ips.filter((ip) => !isIPv4(ip)).slice(0, 2);
  return { ipv4: ipv4.length === 2 ? ipv4 : [], ipv6: ipv6.length === 2 ? ipv6 : [] };
}

const rfc5780: Take<true> = (_on, { line, conf, draft }) => {
  if (conf.last('no-rfc5780') !== undefined) return noCounterpart('no-rfc5780 switches it off');
  const addresses = discoveryAddresses(conf);
  const fates = (['ipv4', 'ipv6'] as const).flatMap((family) =>
    addresses[family].length === 2 ? [draft.set(`natDiscovery.${family}`, addresses[family], line)] : [],
  );
  if (fates.length === 0) {
    const because = 'it needs two listening-ip of one family; natDiscovery.ipv4 and natDiscovery.ipv6 name them here';
    return noCounterpart(because, 'NAT behaviour discovery stays off');
  }
  if (conf.last('alt-listening-port') === undefined && mainPort(conf) !== undefined) {
    draft.set('natDiscovery.alternatePort', mainPort(conf)! + 1, line);
  }
  const as = fates.map((fate) => (fate.kind === 'taken over' ? fate.as : '')).join(' and ');
  return { kind: 'taken over', as };
};

/** coturn counts from the other port where this one is 0. */
const alternatePort: Take<number> = (value, { line, conf, draft }) => {
  const { ipv4, ipv6 } = discoveryAddresses(conf);
  if (!conf.isOn('rfc5780') || conf.last('no-rfc5780') !== undefined || ipv4.length + ipv6.length === 0) {
    return noCounterpart('NAT behaviour discovery (RFC 5780) is off');
  }
  return draft.set('natDiscovery.alternatePort', value === 0 ? (mainPort(conf) ?? 3478) + 1 : value, line);
};

/** Whether the file has a certificate and does not switch TLS off. */
function offersTls(conf: Conf): boolean {
  return !conf.isOn('no-tls') && conf.last('cert')?.value !== undefined && conf.last('pkey')?.value !== undefined;
}

const noTcp: Take<true> = (_on, { line, conf, draft }) => {
  if (!offersTls(conf)) return draft.set('listen.tcp', false, line);
  return noCounterpart(
    'each TCP port takes TLS and plain TCP here, and TLS is wanted',
    'plain TCP is offered as well; clients authenticate there just the same',
  );
};

const certificateFile =
  (key: string, other: 'cert' | 'pkey'): Take<string> =>
  (value, { line, conf, draft }) => {
    if (conf.isOn('no-tls')) return noCounterpart('no-tls switches TLS off, and there is no DTLS here');
    if (conf.last(other)?.value === undefined) {
      return refusedLine(`there is no ${other}; TLS needs both, and no default file is looked for`);
    }
    const path = resolve(conf.directory, value);
    const relative = path === value ? undefined : 'a relative path is taken to start where the file is';
    return warn(draft.set(key, path, line), relative);
  };

const ownCiphers =
  'TLS 1.2 and 1.3 come with forward secrecy and authenticated encryption only, which is not configured';
const oldTls = 'TLS 1.0 and 1.1 are not offered';

/** Where clients arrive, and TLS. */
export const listeningDirectives: Directives = {
  'listening-ip': repeated(listeningIp),
  'listening-port': numbered((port, { line, draft }) => draft.set('listen.port', port === 0 ? 3478 : port, line)),
  'tls-listening-port': numbered((port, { line, draft }) => draft.set('tls.port', port === 0 ? 5349 : port, line)),
  'alt-listening-port': numbered(alternatePort),
  'alt-tls-listening-port': unneeded('NAT behaviour discovery runs over UDP'),
  'listening-device': impossible(
    'sockets are not bound to a device here; name the addresses of the device as listening-ip',
  ),
  'aux-server': repeated(auxServer),
  'udp-self-balance': unneeded('the kernel spreads UDP clients over all workers'),
  'tcp-proxy-port': impossible(
    'PROXY headers are taken by sender here, on every TCP port: name the load balancers in proxyProtocol.trust',
  ),
  'no-udp': toggled((_on, { line, draft }) => draft.set('listen.udp', false, line)),
  'no-tcp': toggled(noTcp),
  'no-tls': toggled(noCounterpart('without a certificate there is no TLS, and none is taken over')),
  'no-dtls': toggled(noCounterpart('DTLS is not offered')),
  dtls: toggled(noCounterpart('DTLS is not offered', 'clients with turns: over UDP must use TLS over TCP')),
  rfc5780: toggled(rfc5780),
  'no-rfc5780': unneeded('NAT behaviour discovery (RFC 5780) is off by default'),
  'response-origin-only-with-rfc5780': unneeded('RESPONSE-ORIGIN is sent with RFC 5780 only'),
  'no-stun-backward-compatibility': toggled(
    noCounterpart('the old STUN of RFC 3489 is not answered by default (natDiscovery.rfc3489)'),
  ),
  'stun-backward-compatibility': toggled((_on, { line, draft }) => draft.set('natDiscovery.rfc3489', true, line)),
  cert: valued(certificateFile('tls.certificateFile', 'pkey')),
  pkey: valued(certificateFile('tls.keyFile', 'cert')),
  'pkey-pwd': impossible('the key must be without a passphrase; remove it with: openssl pkey -in KEY -out NEWKEY'),
  'CA-file': impossible(
    'coturn lets in clients with a certificate of this authority only, and here nobody asks for one',
  ),
  'raw-public-keys': unneeded('the server shows its X.509 certificate'),
  'cipher-list': unneeded(ownCiphers),
  'dh-file': unneeded(ownCiphers),
  dh566: unneeded(ownCiphers),
  dh1066: unneeded(ownCiphers),
  dh2066: unneeded(ownCiphers),
  'ec-curve-name': unneeded(ownCiphers),
  'no-sslv2': unneeded(oldTls),
  'no-sslv3': unneeded(oldTls),
  'no-tlsv1': unneeded(oldTls),
  'no-tlsv1_1': unneeded(oldTls),
  'no-tlsv1_2': toggled(
    noCounterpart('TLS 1.2 and 1.3 are both offered', 'TLS 1.2 stays on, with forward secrecy and AEAD ciphers only'),
  ),
  tlsv1: toggled(noCounterpart(oldTls, 'clients that know no newer version cannot connect over TLS')),
  tlsv1_1: toggled(noCounterpart(oldTls, 'clients that know no newer version cannot connect over TLS')),
  'acme-redirect': impossible(
    'HTTP is not answered on TURN ports; let a web server answer ACME challenges (a new certificate is read by itself)',
  ),
};
