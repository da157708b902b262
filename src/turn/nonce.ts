import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AddressWords } from '../stun/ip-address.ts';
import { noncePrefix } from '../stun/nonce-cookie.ts';
import type { NonceKeys } from './shared/nonce-keys.ts';
import type { UnixSeconds } from './time.ts';

/** What a client's nonce is worth. Both `stale` and `foreign` are answered with 438. */
export type NonceVerdict = 'valid' | 'stale' | 'foreign';

const VERSION = 1;
const MAC_LENGTH = 12;

/**
 * Nonces that need no memory (RFC 8489 §9.2): each carries its time and a MAC over time and client address,
 * so that whoever asks for a million of them costs nothing.
 */
export class NonceIssuer {
  readonly #lifetimeSeconds: number;
  readonly #prefix = noncePrefix({ passwordAlgorithms: true, usernameAnonymity: false });
  readonly #keys: NonceKeys;

  constructor(lifetimeSeconds: number, keys: NonceKeys) {
    this.#lifetimeSeconds = lifetimeSeconds;
    this.#keys = keys;
  }

  /** A nonce for the client at this address and port. */
  issue(ip: AddressWords, port: number, now: UnixSeconds): string {
    const time = Buffer.alloc(4);
    time.writeUInt32BE(now >>> 0);
    return (
      this.#prefix + Buffer.concat([time, mac(this.#keys.current, this.#prefix, ip, port, time)]).toString('base64')
    );
  }

  /** Judges a nonce that came from this address and port. */
  verify(nonce: string, ip: AddressWords, port: number, now: UnixSeconds): NonceVerdict {
    if (!nonce.startsWith(this.#prefix)) return 'foreign';
    const body = Buffer.from(nonce.slice(this.#prefix.length), 'base64');
    if (body.length !== 4 + MAC_LENGTH) return 'foreign';
    const time = body.subarray(0, 4);
    const received = body.subarray(4);
    const ours =
      timingSafeEqual(received, mac(this.#keys.current, this.#prefix, ip, port, time)) ||
      timingSafeEqual(received, mac(this.#keys.previous, this.#prefix, ip, port, time));
    if (!ours) return 'foreign';
    const age = now - time.readUInt32BE();
    return age >= 0 && age <= this.#lifetimeSeconds ? 'valid' : 'stale';
  }
}

function mac(key: Buffer, prefix: string, ip: AddressWords, port: number, time: Buffer): Buffer {
  const client = Buffer.alloc(20);
  client[0] = VERSION;
  client[1] = ip.family;
  client.writeUInt16BE(port, 2);
  client.writeInt32BE(ip.w0, 4);
  client.writeInt32BE(ip.w1, 8);
  client.writeInt32BE(ip.w2, 12);
  client.writeInt32BE(ip.w3, 16);
  return createHmac('sha256', key).update(client).update(time).update(prefix).digest().subarray(0, MAC_LENGTH);
}
