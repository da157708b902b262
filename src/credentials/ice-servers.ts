import { isIPv6 } from 'node:net';

/** An entry of the `iceServers` that a browser's RTCPeerConnection takes. */
export type IceServer =
  | { readonly urls: readonly string[] }
  | { readonly urls: readonly string[]; readonly username: string; readonly credential: string };

/** The ports at which a server takes in clients, by transport. */
export interface OfferedPorts {
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
  readonly tls: readonly number[];
}

/**
 * The URLs of a server (RFC 7064, RFC 7065), the best first: UDP has the least delay, and TLS gets through where nothing else
 * does.
 */
export function offeredUrls(host: string, ports: OfferedPorts): readonly string[] {
  const authority = isIPv6(host) ? `[${host}]` : host;
  return [
    ...ports.udp.map((port) => `stun:${authority}:${port}`),
    ...ports.udp.map((port) => `turn:${authority}:${port}?transport=udp`),
    ...ports.tcp.map((port) => `turn:${authority}:${port}?transport=tcp`),
    ...ports.tls.map((port) => `turns:${authority}:${port}?transport=tcp`),
  ];
}

/** The `turn:` and `turns:` URLs among others. */
export function turnUrls(urls: readonly string[]): readonly string[] {
  return urls.filter((url) => /^turns?:/i.test(url));
}

/**
 * Builds `iceServers` from the URLs a server offers. STUN needs no credential, so its URLs are an entry by themselves:
 * some stacks send one to whatever entry it stands in.
 */
export function iceServers(
  urls: readonly string[],
  credential: { readonly username: string; readonly password: string },
): readonly IceServer[] {
  const turn = turnUrls(urls);
  const stun = urls.filter((url) => !turn.includes(url));
  const { username, password } = credential;
  return [
    ...(stun.length > 0 ? [{ urls: stun }] : []),
    ...(turn.length > 0 ? [{ urls: turn, username, credential: password }] : []),
  ];
}
