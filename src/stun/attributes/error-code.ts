import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { type AddressFamily, Attribute } from '../protocol.ts';

/** An error as it stands in ERROR-CODE. */
export interface StunError {
  /** 300 to 699. */
  readonly code: number;
  /** For people; may be empty. */
  readonly reason: string;
}

/** Writes ERROR-CODE (RFC 8489 §14.8). */
export function writeErrorCode(writer: MessageWriter, code: number, reason = ''): void {
  put(writer, Attribute.errorCode, 0, code, reason);
}

/** Reads ERROR-CODE; `undefined` when it is malformed. */
export function readErrorCode(message: StunMessage, index: number): StunError | undefined {
  const value = message.valueAt(index);
  if (value.length < 4) return undefined;
  const hundreds = value[2]! & 0x07;
  const rest = value[3]!;
  if (hundreds < 3 || hundreds > 6 || rest > 99) return undefined;
  return { code: hundreds * 100 + rest, reason: value.toString('utf8', 4) };
}

/** Writes ADDRESS-ERROR-CODE (RFC 8656 §18.12): why one family of a dual allocation could not be had. */
export function writeAddressErrorCode(writer: MessageWriter, family: AddressFamily, code: number, reason = ''): void {
  put(writer, Attribute.addressErrorCode, family, code, reason);
}

/** Reads ADDRESS-ERROR-CODE; `undefined` when it is malformed. */
export function readAddressErrorCode(
  message: StunMessage,
  index: number,
): (StunError & { readonly family: number }) | undefined {
  const error = readErrorCode(message, index);
  return error && { ...error, family: message.valueAt(index)[0]! };
}

function put(writer: MessageWriter, type: number, first: number, code: number, reason: string): void {
  const phrase = Buffer.from(reason, 'utf8');
  const offset = writer.reserve(type, 4 + phrase.length);
  writer.buffer[offset] = first;
  writer.buffer[offset + 2] = Math.floor(code / 100);
  writer.buffer[offset + 3] = code % 100;
  writer.buffer.set(phrase, offset + 4);
}
