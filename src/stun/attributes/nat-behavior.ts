/** Attributes with which a client asks where the answer is to come from and go to (RFC 5780 §7). */
import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { Attribute } from '../protocol.ts';

/** CHANGE-REQUEST (RFC 5780 §7.2): answer from the other address, the other port, or both. */
export interface ChangeRequest {
  readonly changeIp: boolean;
  readonly changePort: boolean;
}

export function writeChangeRequest(writer: MessageWriter, { changeIp, changePort }: ChangeRequest): void {
  const offset = writer.reserve(Attribute.changeRequest, 4);
  writer.buffer.writeUInt32BE((changeIp ? 4 : 0) | (changePort ? 2 : 0), offset);
}

export function readChangeRequest(message: StunMessage, index: number): ChangeRequest | undefined {
  if (message.lengthAt(index) !== 4) return undefined;
  const flags = message.buffer.readUInt32BE(message.offsetAt(index));
  return { changeIp: (flags & 4) !== 0, changePort: (flags & 2) !== 0 };
}

/** RESPONSE-PORT (RFC 5780 §7.5): answer to this port of the sender's address. */
export function writeResponsePort(writer: MessageWriter, port: number): void {
  const offset = writer.reserve(Attribute.responsePort, 4);
  writer.buffer.writeUInt16BE(port, offset);
}

export function readResponsePort(message: StunMessage, index: number): number | undefined {
  return message.lengthAt(index) === 4 ? message.buffer.readUInt16BE(message.offsetAt(index)) : undefined;
}

/** PADDING (RFC 5780 §7.6): zero bytes that make a packet large enough to be fragmented. */
export function writePadding(writer: MessageWriter, length: number): void {
  writer.reserve(Attribute.padding, length);
}
