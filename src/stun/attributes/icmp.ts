import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { Attribute } from '../protocol.ts';

/** An ICMP error that a peer's network sent back, told to the client in a Data indication (RFC 8656 §18.13). */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** The next-hop MTU for "too big" errors, else 0. */
  readonly data: number;
}

/** Writes ICMP. */
export function writeIcmp(writer: MessageWriter, error: IcmpError): void {
  const offset = writer.reserve(Attribute.icmp, 8);
  writer.buffer[offset + 2] = error.type;
  writer.buffer[offset + 3] = error.code;
  writer.buffer.writeUInt32BE(error.data, offset + 4);
}

/** Reads ICMP; `undefined` when it is malformed. */
export function readIcmp(message: StunMessage, index: number): IcmpError | undefined {
  if (message.lengthAt(index) !== 8) return undefined;
  const value = message.valueAt(index);
  return { type: value[2]!, code: value[3]!, data: value.readUInt32BE(4) };
}
