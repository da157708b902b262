import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { Attribute } from '../protocol.ts';

/** Writes PASSWORD-ALGORITHMS (RFC 8489 §14.11), best first; none of the known algorithms has parameters. */
export function writePasswordAlgorithms(writer: MessageWriter, algorithms: readonly number[]): void {
  writer.attribute(Attribute.passwordAlgorithms, encodePasswordAlgorithms(algorithms));
}

/** The value of PASSWORD-ALGORITHMS, which a client must send back unchanged. */
export function encodePasswordAlgorithms(algorithms: readonly number[]): Buffer {
  const value = Buffer.alloc(algorithms.length * 4);
  for (const [i, algorithm] of algorithms.entries()) value.writeUInt16BE(algorithm, i * 4);
  return value;
}

/** Reads the algorithm numbers of PASSWORD-ALGORITHMS; `undefined` when it is malformed. */
export function readPasswordAlgorithms(message: StunMessage, index: number): number[] | undefined {
  const value = message.valueAt(index);
  const algorithms: number[] = [];
  let offset = 0;
  while (offset < value.length) {
    if (offset + 4 > value.length) return undefined;
    const next = offset + 4 + ((value.readUInt16BE(offset + 2) + 3) & ~3);
    if (next > value.length) return undefined;
    algorithms.push(value.readUInt16BE(offset));
    offset = next;
  }
  return algorithms;
}

/** Writes PASSWORD-ALGORITHM (RFC 8489 §14.12). */
export function writePasswordAlgorithm(writer: MessageWriter, algorithm: number): void {
  const offset = writer.reserve(Attribute.passwordAlgorithm, 4);
  writer.buffer.writeUInt16BE(algorithm, offset);
}

/** Reads PASSWORD-ALGORITHM; `undefined` when it is malformed. */
export function readPasswordAlgorithm(message: StunMessage, index: number): number | undefined {
  const value = message.valueAt(index);
  if (value.length < 4 || value.readUInt16BE(2) !== value.length - 4) return undefined;
  return value.readUInt16BE(0);
}
