import { hash } from 'node:crypto';

/** Bytes that both hash functions take in at a time. */
const BLOCK_LENGTH = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
/** Room for a message of the usual size; for a larger one it grows. */
let inner = Buffer.allocUnsafeSlow(2048);
const outer = {
  sha1: Buffer.allocUnsafeSlow(BLOCK_LENGTH + 20),
  sha256: Buffer.allocUnsafeSlow(BLOCK_LENGTH + 32),
} as const;

/**
 * HMAC (RFC 2104) over the parts, one behind the other, as two hashes of one call each: an object of Node's `createHmac`
 * costs three times as much for messages as short as those of STUN.
 */
export function hmac(algorithm: 'sha1' | 'sha256', key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  if (key.length > BLOCK_LENGTH) return hmac(algorithm, hash(algorithm, key, 'buffer'), ...parts);
  let end = BLOCK_LENGTH;
  for (const part of parts) end += part.length;
  if (end > inner.length) inner = Buffer.allocUnsafeSlow(2 * end);
  const last = outer[algorithm];
  for (let i = 0; i < BLOCK_LENGTH; i++) {
    const byte = i < key.length ? key[i]! : 0;
    inner[i] = byte ^ INNER_PAD;
    last[i] = byte ^ OUTER_PAD;
  }
  let at = BLOCK_LENGTH;
  for (const part of parts) {
    inner.set(part, at);
    at += part.length;
  }
  // As text of one byte a character, because that comes out of Node for less than a buffer.
  last.write(hash(algorithm, inner.subarray(0, end), 'binary'), BLOCK_LENGTH, 'latin1');
  return Buffer.from(hash(algorithm, last, 'binary'), 'latin1');
}
