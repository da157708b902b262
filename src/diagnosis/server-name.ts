import { isIP, isIPv6 } from 'node:net';

/** A server as a person writes it. */
export interface ServerName {
  /** As it was written. */
  readonly text: string;
  readonly host: string;
  readonly port: number;
}

/** The port of STUN without TLS (RFC 8489 §18.6). */
export const STUN_PORT = 3478;

const labels = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/** Reads `host`, `host:port`, `192.0.2.1:port`, `2001:db8::1` or `[2001:db8::1]:port`. */
export function readServerName(text: string): ServerName | undefined {
  if (isIPv6(text)) return { text, host: text, port: STUN_PORT };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const [, bracketed, bare = ''] = match;
  const port = Number(match[3] ?? STUN_PORT);
  const fits = bracketed === undefined ? isIP(bare) !== 0 || labels.test(bare) : isIPv6(bracketed);
  return fits && port >= 1 && port <= 65_535 ? { text, host: bracketed ?? bare, port } : undefined;
}
