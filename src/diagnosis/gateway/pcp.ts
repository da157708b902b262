/**
 * The one question of the Port Control Protocol that makes no mapping: ANNOUNCE (RFC 6887 §14.1). Its answer names no
 * external address, but tells whether a NAT lies between this host and the one that answers. Pure.
 */
import type { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

const VERSION = 2;
const ANNOUNCE = 0;
const RESPONSE = 0x80;
const HEADER_LENGTH = 24;
/** RFC 6887 §8.3: no message is longer. */
const MAX_LENGTH = 1100;
/** RFC 6887 §7.4 */
const ADDRESS_MISMATCH = 12;

/** Asks whether anybody is there. The host's own address goes along, so that the far side can compare (RFC 6887 §7.1). */
export function pcpAnnounce(client: IpAddress): Buffer {
  const bytes = Buffer.alloc(HEADER_LENGTH);
  bytes[0] = VERSION;
  bytes[1] = ANNOUNCE;
  if (client.family === AddressFamily.ipv4) {
    bytes.writeUInt16BE(0xffff, 18);
    bytes.writeInt32BE(client.w0, 20);
  } else {
    [client.w0, client.w1, client.w2, client.w3].forEach((word, n) => {
      bytes.writeInt32BE(word, 8 + 4 * n);
    });
  }
  return bytes;
}

export interface PcpAnswer {
  /** Whether the request came from another address than the one that it holds: a NAT lies in between. */
  readonly translatedBefore: boolean;
}

/** Reads an answer; `undefined` of what is none, or of a router that speaks another version (RFC 6887 §9). */
export function readPcp(bytes: Buffer): PcpAnswer | undefined {
  if (bytes.length < HEADER_LENGTH || bytes.length > MAX_LENGTH || bytes.length % 4 !== 0) return undefined;
  if (bytes[0] !== VERSION || bytes[1] !== (RESPONSE | ANNOUNCE)) return undefined;
  return { translatedBefore: bytes[3] === ADDRESS_MISMATCH };
}
