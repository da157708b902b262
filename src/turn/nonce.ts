import { timingSafeEqual } from 'node:crypto';
import { hmac } from '../stun/hmac.ts';
import type { AddressWords } from '../stun/ip-address.ts';
import { noncePrefix } from '../stun/nonce-cookie.ts';
import type { NonceKeys } from './shared/nonce-keys.ts';
import type { UnixSeconds } from './time.ts';

/** What a client's nonce is worth. Both `stale` and `foreign` are answered with 438. */
export type NonceVerdict = 'valid' | 'stale' | 'foreign';

const VERSION = 1;
const TIME_LENGTH = 4;
const MAC_LENGTH = 12;

/**
 * Nonces that need no memory (RFC 8489 §9.2): each carries its time and a MAC over time and client address,
 * so that whoever asks for a million of them costs nothing.
 */
export class NonceIssuer {
  readonly #lifetimeSeconds: number;
  readonly #prefix = noncePrefix({ passwordAlgorithms: true, usernameAnonymity: false });
  readonly #prefixBytes = Buffer.from(this.#prefix);
  readonly #keys: NonceKeys;
  /** What a MAC is made over, apart from the prefix: the time, then the client. */
  readonly #subject = Buffer.alloc(TIME_LENGTH + 20);

  constructor(lifetimeSeconds: number, keys: NonceKeys) {
    this.#lifetimeSeconds = lifetimeSeconds;
    this.#keys = keys;
  }

  /** A nonce for the client at this address and port. */
  issue(ip: AddressWords, port: number, now: UnixSeconds): string {
    this.#describe(ip, port, now >>> 0);
    const body = Buffer.alloc(TIME_LENGTH + MAC_LENGTH);
    body.writeUInt32BE(now >>> 0);
    body.set(this.#mac(this.#keys.current), TIME_LENGTH);
    return this.#prefix + body.toString('base64');
  }

  /** Judges a nonce that came from this address and port. */
  verify(nonce: string, ip: AddressWords, port: number, now: UnixSeconds): NonceVerdict {
    if (!nonce.startsWith(this.#prefix)) return 'foreign';
    const body = Buffer.from(nonce.slice(this.#prefix.length), 'base64');
    if (body.length !== TIME_LENGTH + MAC_LENGTH) return 'foreign';
    const time = body.readUInt32BE();
    const received = body.subarray(TIME_LENGTH);
    this.#describe(ip, port, time);
    const ours =
      timingSafeEqual(received, this.#mac(this.#keys.current)) ||
      timingSafeEqual(received, this.#mac(this.#keys.previous));
    if (!ours) return 'foreign';
    const age = now - time;
    return age >= 0 && age <= this.#lifetimeSeconds ? 'valid' : 'stale';
  }

  #describe(ip: AddressWords, port: number, time: number): void {
    const subject = this.#subject;
    subject.writeUInt32BE(time, 0);
    subject[4] = VERSION;
    subject[5] = ip.family;
    subject.writeUInt16BE(port, 6);
    subject.writeInt32BE(ip.w0, 8);
    subject.writeInt32BE(ip.w1, 12);
    subject.writeInt32BE(ip.w2, 16);
    subject.writeInt32BE(ip.w3, 20);
  }

  #mac(key: Buffer): Buffer {
    return hmac('sha256', key, this.#subject, this.#prefixBytes).subarray(0, MAC_LENGTH);
  }
}
