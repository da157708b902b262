import type { LadderCredentials } from '../ladder/credentials.ts';

/** One entry of `iceServers` (W3C WebRTC, RTCIceServer). */
export interface IceServer {
  readonly urls: readonly string[];
  /** `undefined` when none are given, as with STUN servers. */
  readonly credentials?: LadderCredentials;
}

/** A URL to ask, with what to authenticate with. */
export interface AskedUrl {
  readonly text: string;
  readonly credentials: LadderCredentials | undefined;
}

/** Every URL with its credentials; one that comes twice, with the same ones, is asked once. */
export function askedUrls(servers: readonly IceServer[]): AskedUrl[] {
  const asked = new Map<string, AskedUrl>();
  for (const { urls, credentials } of servers) {
    for (const text of urls) {
      const key = JSON.stringify([text, credentials?.username, credentials?.password]);
      if (!asked.has(key)) asked.set(key, { text, credentials });
    }
  }
  return [...asked.values()];
}
