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
    keys: ['http.host', 'http.allowPublic'],
    broken: ({ http }) =>
      http.enabled &&
      !http.allowPublic &&
      !isLoopback(http.host) &&
      'The HTTP service does not speak TLS, so it stays on loopback; put a TLS proxy in front of it, or set http.allowPublic: true on a network you trust.',
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
