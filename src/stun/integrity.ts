import { timingSafeEqual } from 'node:crypto';
import { hmac } from './hmac.ts';
import type { StunMessage } from './message.ts';
import type { MessageWriter } from './message-writer.ts';
import { Attribute, HEADER_LENGTH } from './protocol.ts';

/** Which HMAC protects a message: MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256. */
export type IntegrityAlgorithm = 'sha1' | 'sha256';

const SHA1_LENGTH = 20;
const SHA256_LENGTH = 32;
/** The shortest truncation of MESSAGE-INTEGRITY-SHA256 that the RFC allows (RFC 8489 §14.6). */
const SHA256_SHORTEST = 16;
/** The type and the length of the message that is being verified. */
const start = Buffer.alloc(4);

/**
 * Adds MESSAGE-INTEGRITY (RFC 8489 §14.5) or MESSAGE-INTEGRITY-SHA256 (§14.6) over all that was written before.
 *
 * @param key the short- or long-term key.
 * @param length bytes of the HMAC to send; only SHA-256 may be truncated, to a multiple of 4 from 16 to 32.
 */
export function writeIntegrity(
  writer: MessageWriter,
  algorithm: IntegrityAlgorithm,
  key: Uint8Array,
  length: number = algorithm === 'sha1' ? SHA1_LENGTH : SHA256_LENGTH,
): void {
  const type = algorithm === 'sha1' ? Attribute.messageIntegrity : Attribute.messageIntegritySha256;
  const offset = writer.reserve(type, length);
  const mac = hmac(algorithm, key, writer.buffer.subarray(0, offset - 4));
  writer.buffer.set(mac.subarray(0, length), offset);
}

/** Index of the integrity attribute of this algorithm if it is well formed, else -1. */
export function findIntegrity(message: StunMessage, algorithm: IntegrityAlgorithm): number {
  const index = message.find(algorithm === 'sha1' ? Attribute.messageIntegrity : Attribute.messageIntegritySha256);
  if (index < 0) return -1;
  const length = message.lengthAt(index);
  const wellFormed =
    algorithm === 'sha1'
      ? length === SHA1_LENGTH
      : length >= SHA256_SHORTEST && length <= SHA256_LENGTH && length % 4 === 0;
  return wellFormed ? index : -1;
}

/** Compares, in constant time, the integrity attribute at `index` with the HMAC that `key` gives. */
export function verifyIntegrity(
  message: StunMessage,
  index: number,
  algorithm: IntegrityAlgorithm,
  key: Uint8Array,
): boolean {
  const received = message.valueAt(index);
  const covered = message.offsetAt(index) - 4;
  // The HMAC is made as if the message ended with this attribute, so the length field must say so (RFC 8489 §14.5).
  start.writeUInt16BE(message.buffer.readUInt16BE(message.start), 0);
  start.writeUInt16BE(covered - message.start - HEADER_LENGTH + 4 + received.length, 2);
  const expected = hmac(algorithm, key, start, message.buffer.subarray(message.start + 4, covered));
  return timingSafeEqual(received, expected.subarray(0, received.length));
}
