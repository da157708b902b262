import { isIP, isIPv6 } from 'node:net';

/** A host and a port of a server to ask. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const hostnamePattern = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/** True for a DNS name. What looks like a mistyped IPv4 address (`10.0.0.300`) is none: a top-level name starts with a letter. */
export function isHostname(text: string): boolean {
  return hostnamePattern.test(text);
}

/** True for a DNS name or an IP address, IPv6 without brackets. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || isHostname(text);
}

/** Reads `host`, `host:port`, `192.0.2.1:port` or `[2001:db8::1]:port`. */
export function parseHostPort(text: string, defaultPort: number): HostPort | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2]!;
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  const hostFits = match[1] === undefined ? isHost(host) : isIPv6(host);
  return hostFits && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
