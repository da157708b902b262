import { isIPv4 } from 'node:net';
import type { ConfigProblem } from './problem.ts';
import type { SettingOrigin } from './resolve-settings.ts';
import type { Configuration } from './settings.ts';

/** A rule between several keys. The first key is the one that is named when it is broken. */
interface Rule {
  readonly keys: readonly string[];
  /** The sentence to show when the rule is broken. */
  readonly broken: (configuration: Configuration) => string | undefined | false;
}

const rules: readonly Rule[] = [
  {
    keys: ['relay.lifetime.default', 'relay.lifetime.max'],
    broken: ({ relay: { lifetime } }) =>
      lifetime.defaultSeconds > lifetime.maxSeconds && 'The default lifetime must not be above relay.lifetime.max.',
  },
  {
    keys: ['credentials.ttl.min', 'credentials.ttl.max'],
    broken: ({ credentials: { ttl } }) =>
      ttl.minSeconds > ttl.maxSeconds && 'The least TTL must not be above credentials.ttl.max.',
  },
  {
    keys: ['credentials.ttl.default', 'credentials.ttl.min', 'credentials.ttl.max'],
    broken: ({ credentials: { ttl } }) =>
      ttl.minSeconds <= ttl.maxSeconds &&
      (ttl.defaultSeconds < ttl.minSeconds || ttl.defaultSeconds > ttl.maxSeconds) &&
      'The default TTL must be between credentials.ttl.min and credentials.ttl.max.',
  },
  {
    keys: ['relay.ipv4.address', 'relay.ipv6.address'],
    broken: ({ relay }) =>
      relay.ipv4.address.kind === 'none' &&
      relay.ipv6.address.kind === 'none' &&
      'Both address families are none, so nothing could be relayed; leave one of them on.',
  },
  ...(['ipv4', 'ipv6'] as const).flatMap((family): Rule[] => [
    {
      keys: [`relay.${family}.external`, 'relay.external.stunServers'],
      broken: ({ relay }) =>
        relay[family].external.kind === 'stun' &&
        relay.external.stunServers.length === 0 &&
        'external: stun needs servers to ask; name at least one in relay.external.stunServers.',
    },
    {
      keys: [`relay.${family}.external`, `relay.${family}.address`],
      broken: ({ relay }) =>
        relay[family].address.kind === 'none' &&
        relay[family].external.kind !== 'same' &&
        'There are no relays of this family (address: none), so it has no external address.',
    },
  ]),
  {
    keys: ['listen.udp', 'listen.tcp'],
    broken: ({ listen }) =>
      !listen.udp && !listen.tcp && 'Without UDP and TCP nobody could come; leave one of them on.',
  },
  {
    keys: ['listen.extraPorts', 'listen.port'],
    broken: ({ listen }) =>
      listen.extraPorts.includes(listen.port) && 'The port is listen.port already; name only further ones.',
  },
  {
    keys: ['tls.certificateFile', 'tls.keyFile'],
    broken: ({ tls }) =>
      (tls.certificateFile === undefined) !== (tls.keyFile === undefined) &&
      'TLS needs both, tls.certificateFile and tls.keyFile.',
  },
  {
    keys: ['tls.certificateFile', 'listen.tcp'],
    broken: ({ tls, listen }) =>
      tls.certificateFile !== undefined && !listen.tcp && 'TLS runs over TCP, which listen.tcp switches off.',
  },
  {
    keys: ['proxyProtocol.trust', 'listen.tcp'],
    broken: ({ proxyProtocol, listen }) =>
      proxyProtocol.trust.length > 0 && !listen.tcp && 'PROXY headers come over TCP, which listen.tcp switches off.',
  },
  {
    keys: ['limits.connections.handshake', 'limits.connections.firstMessage'],
    broken: ({ limits: { connections } }) =>
      connections.handshakeMilliseconds > connections.firstMessageMilliseconds &&
      'The handshake is a part of the time until the first message, so it must not be above limits.connections.firstMessage.',
  },
  ...(['ipv4', 'ipv6'] as const).flatMap((family): Rule[] => [
    {
      keys: [`natDiscovery.${family}`, 'listen.addresses'],
      broken: ({ natDiscovery, listen }) =>
        listen.addresses !== 'auto' &&
        !natDiscovery[family].every((address) => listen.addresses.includes(address)) &&
        'Both addresses must be among listen.addresses.',
    },
    {
      keys: [`natDiscovery.${family}`, 'listen.udp'],
      broken: ({ natDiscovery, listen }) =>
        natDiscovery[family].length > 0 && !listen.udp && 'NAT discovery runs over UDP, which listen.udp switches off.',
    },
    {
      keys: ['natDiscovery.alternatePort', 'listen.port', 'listen.extraPorts', `natDiscovery.${family}`],
      broken: ({ natDiscovery: { alternatePort, [family]: addresses }, listen }) =>
        addresses.length > 0 &&
        alternatePort > 0 &&
        [listen.port, ...listen.extraPorts].includes(alternatePort) &&
        'The alternate port must differ from listen.port and listen.extraPorts.',
    },
  ]),
  {
    keys: ['http.certificateFile', 'http.keyFile'],
    broken: ({ http }) =>
      (http.certificateFile === undefined) !== (http.keyFile === undefined) &&
      'HTTPS needs both, http.certificateFile and http.keyFile.',
  },
  {
    keys: ['admission.url', 'admission.secret'],
    broken: ({ admission }) =>
      admission.url !== undefined && admission.secret === undefined && 'Requests are signed: set admission.secretFile.',
  },
  {
    keys: ['webhooks.urls', 'webhooks.secret'],
    broken: ({ webhooks }) =>
      webhooks.urls.length > 0 && webhooks.secret === undefined && 'Requests are signed: set webhooks.secretFile.',
  },
  {
    keys: ['http.host', 'http.allowPublic', 'http.certificateFile'],
    broken: ({ http }) =>
      http.enabled &&
      !http.allowPublic &&
      http.certificateFile === undefined &&
      !isLoopback(http.host) &&
      'API keys would cross the network unencrypted. Set http.certificateFile and http.keyFile, put a TLS proxy in front, or set http.allowPublic: true on a network you trust.',
  },
];

/** Checks the rules that involve several keys; those with a key that is faulty by itself are left out. */
export function crossFieldProblems(
  configuration: Configuration,
  origins: ReadonlyMap<string, SettingOrigin>,
  faulty: ReadonlySet<string>,
): ConfigProblem[] {
  return rules.flatMap(({ keys, broken }) => {
    const reason = keys.some((key) => faulty.has(key)) ? undefined : broken(configuration);
    if (!reason) return [];
    // The defaults keep every rule, so one of the keys was given by somebody.
    const path = keys.find((key) => origins.get(key)?.origin.kind !== 'default') ?? keys[0]!;
    const { origin, shown } = origins.get(path)!;
    return [{ origin, path, found: JSON.stringify(shown), reason }];
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
