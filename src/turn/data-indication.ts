import { addressLength, putAddressValue } from '../stun/attributes/address.ts';
import type { AddressWords } from '../stun/ip-address.ts';
import { messageType } from '../stun/message-writer.ts';
import { Attribute, HEADER_LENGTH, MAGIC_COOKIE, MessageClass, Method } from '../stun/protocol.ts';

const TYPE = messageType(MessageClass.indication, Method.data);

/** Bytes that a Data indication puts in front of its data. */
export function dataIndicationHeaderLength(peer: AddressWords): number {
  return HEADER_LENGTH + 4 + addressLength(peer.family) + 4;
}

/**
 * Wraps `buffer[start, end)` into a Data indication in place (RFC 8656 §11.3): the header goes in front, zero padding behind.
 *
 * @param id the last four bytes of the transaction id; nobody answers an indication, so it only has to differ.
 * @returns the offset behind the padding; the message starts {@link dataIndicationHeaderLength} before `start`.
 */
export function wrapInDataIndication(
  buffer: Buffer,
  start: number,
  end: number,
  peer: AddressWords,
  port: number,
  id: number,
): number {
  const header = start - dataIndicationHeaderLength(peer);
  const length = end - start;
  const padded = (length + 3) & ~3;
  buffer.writeUInt16BE(TYPE, header);
  buffer.writeUInt16BE(start - header - HEADER_LENGTH + padded, header + 2);
  buffer.writeUInt32BE(MAGIC_COOKIE, header + 4);
  buffer.writeUInt32BE(0, header + 8);
  buffer.writeUInt32BE(0, header + 12);
  buffer.writeUInt32BE(id >>> 0, header + 16);
  buffer.writeUInt16BE(Attribute.xorPeerAddress, header + HEADER_LENGTH);
  buffer.writeUInt16BE(addressLength(peer.family), header + HEADER_LENGTH + 2);
  putAddressValue(buffer, header + HEADER_LENGTH + 4, peer, port, MAGIC_COOKIE, 0, 0, id);
  buffer.writeUInt16BE(Attribute.data, start - 4);
  buffer.writeUInt16BE(length, start - 2);
  buffer.fill(0, end, start + padded);
  return start + padded;
}
