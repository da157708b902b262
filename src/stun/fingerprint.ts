import { crc32 } from 'node:zlib';
import type { StunMessage } from './message.ts';
import type { MessageWriter } from './message-writer.ts';
import { Attribute } from './protocol.ts';

/** "STUN", so that the CRC of another protocol's packet is not taken for ours (RFC 8489 §14.7). */
const FINGERPRINT_XOR = 0x5354554e;

/** Adds FINGERPRINT; nothing may be written after it. */
export function writeFingerprint(writer: MessageWriter): void {
  const offset = writer.reserve(Attribute.fingerprint, 4);
  writer.buffer.writeUInt32BE(fingerprint(writer.buffer.subarray(0, offset - 4)), offset);
}

/** True when the message has no FINGERPRINT, or has a right one as its last attribute. */
export function fingerprintHolds(message: StunMessage): boolean {
  const index = message.find(Attribute.fingerprint);
  if (index < 0) return true;
  const offset = message.offsetAt(index);
  if (message.lengthAt(index) !== 4 || offset + 4 !== message.end) return false;
  return message.buffer.readUInt32BE(offset) === fingerprint(message.buffer.subarray(message.start, offset - 4));
}

function fingerprint(bytes: Uint8Array): number {
  return (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;
}
