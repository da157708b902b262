/** What a client asks for when it allocates a relayed address and uses it (RFC 8656 §18, RFC 6062 §6.2). */
import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { AddressFamily, Attribute } from '../protocol.ts';

/** LIFETIME in seconds (RFC 8656 §18.2). */
export function writeLifetime(writer: MessageWriter, seconds: number): void {
  const offset = writer.reserve(Attribute.lifetime, 4);
  writer.buffer.writeUInt32BE(seconds, offset);
}

export function readLifetime(message: StunMessage, index: number): number | undefined {
  return readUint32(message, index);
}

/** CHANNEL-NUMBER (RFC 8656 §18.1). */
export function writeChannelNumber(writer: MessageWriter, channel: number): void {
  const offset = writer.reserve(Attribute.channelNumber, 4);
  writer.buffer.writeUInt16BE(channel, offset);
}

export function readChannelNumber(message: StunMessage, index: number): number | undefined {
  return message.lengthAt(index) === 4 ? message.buffer.readUInt16BE(message.offsetAt(index)) : undefined;
}

/** REQUESTED-TRANSPORT: an IP protocol number (RFC 8656 §18.7). */
export function writeRequestedTransport(writer: MessageWriter, protocol: number): void {
  const offset = writer.reserve(Attribute.requestedTransport, 4);
  writer.buffer[offset] = protocol;
}

export function readRequestedTransport(message: StunMessage, index: number): number | undefined {
  return readFirstByte(message, index, 4);
}

/** EVEN-PORT: an even port, and with `reserveNext` the port above it kept for later (RFC 8656 §18.6). */
export function writeEvenPort(writer: MessageWriter, reserveNext: boolean): void {
  const offset = writer.reserve(Attribute.evenPort, 1);
  writer.buffer[offset] = reserveNext ? 0x80 : 0;
}

/** Reads EVEN-PORT: whether the next port is to be reserved. */
export function readEvenPort(message: StunMessage, index: number): boolean | undefined {
  const byte = readFirstByte(message, index, 1);
  return byte === undefined ? undefined : (byte & 0x80) !== 0;
}

/** RESERVATION-TOKEN: 8 bytes (RFC 8656 §18.9). */
export function writeReservationToken(writer: MessageWriter, token: Uint8Array): void {
  writer.attribute(Attribute.reservationToken, token);
}

export function readReservationToken(message: StunMessage, index: number): Buffer | undefined {
  return message.lengthAt(index) === 8 ? message.valueAt(index) : undefined;
}

/** REQUESTED-ADDRESS-FAMILY or ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.8, §18.11). */
export function writeAddressFamily(writer: MessageWriter, type: number, family: AddressFamily): void {
  const offset = writer.reserve(type, 4);
  writer.buffer[offset] = family;
}

/** Reads an address family attribute: the number it holds, which may be none that exists. */
export function readAddressFamily(message: StunMessage, index: number): number | undefined {
  return readFirstByte(message, index, 4);
}

export function isAddressFamily(value: number): value is AddressFamily {
  return value === AddressFamily.ipv4 || value === AddressFamily.ipv6;
}

/** CONNECTION-ID (RFC 6062 §6.2.1). */
export function writeConnectionId(writer: MessageWriter, id: number): void {
  const offset = writer.reserve(Attribute.connectionId, 4);
  writer.buffer.writeUInt32BE(id, offset);
}

export function readConnectionId(message: StunMessage, index: number): number | undefined {
  return readUint32(message, index);
}

function readUint32(message: StunMessage, index: number): number | undefined {
  return message.lengthAt(index) === 4 ? message.buffer.readUInt32BE(message.offsetAt(index)) : undefined;
}

function readFirstByte(message: StunMessage, index: number, length: number): number | undefined {
  return message.lengthAt(index) === length ? message.buffer[message.offsetAt(index)] : undefined;
}
