import { isIP, isIPv4, isIPv6 } from 'node:net';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { type AddressRange, parseAddressRange } from '../turn/address-range.ts';
import { type HostPort, isHost, isHostname, parseHostPort } from './host.ts';
import { setting } from './scalar-settings.ts';
import { describeFound, type Refused, refused, type Setting } from './setting.ts';

export type RelayAddressChoice =
  | { readonly kind: 'auto' }
  | { readonly kind: 'none' }
  | { readonly kind: 'address'; readonly address: string };

export type ExternalAddressChoice =
  | { readonly kind: 'same' }
  | { readonly kind: 'stun' }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'hostname'; readonly hostname: string };

/** An inclusive range of ports. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

const wildcards = new Set(['0.0.0.0', '::']);

/** `auto`, or the addresses to listen on. */
export function listenAddresses(summary: string): Setting<'auto' | readonly string[]> {
  const allowed = 'auto, or a list of IP addresses of this machine';
  return setting<'auto' | readonly string[]>({
    summary,
    fallback: 'auto',
    schema: {
      anyOf: [
        { type: 'string', const: 'auto' },
        { type: 'array', items: { type: 'string' }, minItems: 1 },
      ],
    },
    shape: 'list',
    allowed,
    accept: (value, context) => {
      // A flag or a variable gives a list of one.
      if (value === 'auto' || (Array.isArray(value) && value.length === 1 && value[0] === 'auto')) return 'auto';
      if (!Array.isArray(value) || value.length === 0) return undefined;
      const seen = new Set<string>();
      return eachOf(value, (item, at) => {
        if (typeof item !== 'string' || isIP(item) === 0) {
          return context.refuse({ at, found: describeFound(item), allowed: 'an IP address of this machine' });
        }
        const [bare, zone] = item.split('%');
        const address = IpAddress.parse(bare!)!.text + (zone === undefined ? '' : `%${zone}`);
        if (wildcards.has(address)) return context.refuse({ at, found: item, ...wildcardComplaint });
        if (seen.has(address))
          return context.refuse({ at, found: item, reason: 'The address is in the list already.' });
        seen.add(address);
        return address;
      });
    },
  });
}

const wildcardComplaint = {
  allowed: 'auto, or the addresses one by one',
  reason:
    'A wildcard socket on a machine with several addresses answers from the wrong one, and clients drop such answers.',
};

/** No addresses, or two of one family that differ. */
export function addressPair(summary: string, family: 4 | 6): Setting<readonly string[]> {
  const isFamily = family === 4 ? isIPv4 : isIPv6;
  const allowed = `no address, or two different IPv${family} addresses of this machine`;
  return setting<readonly string[]>({
    summary,
    fallback: [],
    schema: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    shape: 'list',
    allowed,
    accept: (value, context) => {
      if (!Array.isArray(value) || (value.length !== 0 && value.length !== 2)) return undefined;
      const addresses = eachOf(value, (item, at) => {
        const fits = typeof item === 'string' && isFamily(item) && !item.includes('%');
        const address = fits ? IpAddress.parse(item)!.text : undefined;
        if (address !== undefined && !wildcards.has(address)) return address;
        return context.refuse({ at, found: describeFound(item), allowed: `an IPv${family} address of this machine` });
      });
      return addresses !== refused && addresses.length === 2 && addresses[0] === addresses[1] ? undefined : addresses;
    },
  });
}

/** A list of ports. */
export function ports(summary: string): Setting<readonly number[]> {
  return setting<readonly number[]>({
    summary,
    fallback: [],
    schema: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 65_535 } },
    shape: 'list',
    allowed: 'a list of ports from 1 to 65535',
    accept: (value, context) => {
      if (!Array.isArray(value)) return undefined;
      const seen = new Set<number>();
      return eachOf(value, (item, at) => {
        // From a variable a list comes as text.
        const port = typeof item === 'string' && /^\d{1,5}$/.test(item) ? Number(item) : item;
        if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
          return context.refuse({ at, found: describeFound(item), allowed: 'a port from 1 to 65535' });
        }
        if (seen.has(port)) {
          return context.refuse({ at, found: describeFound(item), reason: 'The port is in the list already.' });
        }
        seen.add(port);
        return port;
      });
    },
  });
}

/** A list of `IP:port`. */
export function transportAddresses(summary: string): Setting<readonly TransportAddress[]> {
  return setting<readonly TransportAddress[]>({
    summary,
    fallback: [],
    schema: { type: 'array', items: { type: 'string' } },
    shape: 'list',
    allowed: 'a list of IP:port, IPv6 in brackets',
    accept: (value, context) =>
      Array.isArray(value)
        ? eachOf(value, (item, at) => {
            const server = typeof item === 'string' ? parseHostPort(item, 0) : undefined;
            const ip = server && IpAddress.parse(server.host);
            if (server !== undefined && ip !== undefined && server.port > 0) return { ip, port: server.port };
            return context.refuse({ at, found: describeFound(item), allowed: 'IP:port or [IPv6]:port' });
          })
        : undefined,
  });
}

/** `49152-65535`. */
export function portRange(summary: string, fallback: string, lowest: number): Setting<PortRange> {
  return setting<PortRange>({
    summary,
    fallback,
    schema: { type: 'string', pattern: '^\\d{1,5}-\\d{1,5}$' },
    shape: 'text',
    allowed: `two ports low-high within ${lowest}-65535, such as ${fallback}`,
    accept: (value) => {
      const match = typeof value === 'string' ? /^(\d{1,5}) ?- ?(\d{1,5})$/.exec(value) : null;
      const low = Number(match?.[1]);
      const high = Number(match?.[2]);
      return low >= lowest && low <= high && high <= 65_535 ? { low, high } : undefined;
    },
  });
}

/** Where relays of one address family are opened. */
export function relayAddress(summary: string, family: 4 | 6): Setting<RelayAddressChoice> {
  const isFamily = family === 4 ? isIPv4 : isIPv6;
  return setting<RelayAddressChoice>({
    summary,
    fallback: 'auto',
    schema: { type: 'string' },
    shape: 'text',
    allowed: `auto, none, or an IPv${family} address of this machine`,
    accept: (value, context) => {
      if (value === 'auto' || value === 'none') return { kind: value };
      if (typeof value !== 'string' || !isFamily(value)) return undefined;
      const address = IpAddress.parse(value)!.text;
      if (wildcards.has(address)) return context.refuse({ found: value, ...wildcardComplaint });
      return { kind: 'address', address };
    },
  });
}

/** What clients are told as the relay's address. */
export function externalAddress(summary: string, family: 4 | 6): Setting<ExternalAddressChoice> {
  const isFamily = family === 4 ? isIPv4 : isIPv6;
  return setting<ExternalAddressChoice>({
    summary,
    fallback: 'same',
    schema: { type: 'string' },
    shape: 'text',
    allowed: `same, stun, an IPv${family} address, or a hostname`,
    accept: (value) => {
      if (value === 'same' || value === 'stun') return { kind: value };
      if (typeof value !== 'string') return undefined;
      if (isFamily(value)) {
        const address = IpAddress.parse(value)!.text;
        return wildcards.has(address) ? undefined : { kind: 'address', address };
      }
      return isHostname(value) ? { kind: 'hostname', hostname: value } : undefined;
    },
  });
}

/** A list of `host:port`. */
export function hostPorts(
  summary: string,
  defaultPort: number,
  fallback: readonly string[] = [],
): Setting<readonly HostPort[]> {
  return setting<readonly HostPort[]>({
    summary,
    fallback,
    schema: { type: 'array', items: { type: 'string' } },
    shape: 'list',
    allowed: `a list of host or host:port (port ${defaultPort} when left out)`,
    accept: (value, context) =>
      Array.isArray(value)
        ? eachOf(value, (item, at) => {
            const server = typeof item === 'string' ? parseHostPort(item, defaultPort) : undefined;
            return (
              server ?? context.refuse({ at, found: describeFound(item), allowed: 'host, host:port or [IPv6]:port' })
            );
          })
        : undefined,
  });
}

/** Rules about peers. */
export function addressRanges(summary: string): Setting<readonly AddressRange[]> {
  const allowed = 'an address, a prefix such as 10.0.0.0/8, or a range such as 192.0.2.1-192.0.2.9';
  return setting<readonly AddressRange[]>({
    summary,
    fallback: [],
    schema: { type: 'array', items: { type: 'string' } },
    shape: 'list',
    allowed: `a list; each item ${allowed}`,
    accept: (value, context) =>
      Array.isArray(value)
        ? eachOf(value, (item, at) => {
            // A zone names an interface of this machine, which means nothing in a rule about peers.
            const range = typeof item === 'string' && !item.includes('%') ? parseAddressRange(item) : undefined;
            if (typeof range === 'object') return range;
            const fault = range === undefined ? {} : { reason: `${range}.` };
            return context.refuse({ at, found: describeFound(item), allowed, ...fault });
          })
        : undefined,
  });
}

/** The host that the URLs handed to clients name. */
export function optionalHost(summary: string): Setting<string | undefined> {
  return setting<string | undefined>({
    summary,
    fallback: undefined,
    schema: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    shape: 'text',
    allowed: 'a hostname or an IP address, without port or brackets',
    accept: (value) => (typeof value === 'string' && isHost(value) ? value : undefined),
  });
}

/** The address that the HTTP service binds. */
export function bindHost(summary: string, fallback: string): Setting<string> {
  return setting({
    summary,
    fallback,
    schema: { type: 'string' },
    shape: 'text',
    allowed: 'an IP address, or localhost',
    accept: (value) => (typeof value === 'string' && (isIP(value) !== 0 || value === 'localhost') ? value : undefined),
  });
}

/** Parses every item, so that all wrong ones are reported and not the first alone. */
export function eachOf<T>(
  items: readonly unknown[],
  parse: (item: unknown, at: readonly number[]) => T | Refused,
): T[] | Refused {
  const parsed = items.map((item, index) => parse(item, [index]));
  return parsed.includes(refused) ? refused : (parsed as T[]);
}
