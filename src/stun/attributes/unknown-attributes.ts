import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { Attribute } from '../protocol.ts';

/** Writes UNKNOWN-ATTRIBUTES (RFC 8489 §14.9). */
export function writeUnknownAttributes(writer: MessageWriter, types: readonly number[]): void {
  const offset = writer.reserve(Attribute.unknownAttributes, types.length * 2);
  for (const [i, type] of types.entries()) writer.buffer.writeUInt16BE(type, offset + i * 2);
}

/** Reads UNKNOWN-ATTRIBUTES; `undefined` when it is malformed. */
export function readUnknownAttributes(message: StunMessage, index: number): number[] | undefined {
  const value = message.valueAt(index);
  if (value.length % 2 !== 0) return undefined;
  return Array.from({ length: value.length / 2 }, (_, i) => value.readUInt16BE(i * 2));
}
