import { type AddressWords, IpAddress, MutableAddress, type TransportAddress } from '../ip-address.ts';
import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { AddressFamily, MAGIC_COOKIE } from '../protocol.ts';

/** An IP address and a port that are refilled for every packet. */
export interface MutableTransportAddress {
  readonly ip: MutableAddress;
  port: number;
}

export function mutableTransportAddress(): MutableTransportAddress {
  return { ip: new MutableAddress(), port: 0 };
}

interface AddressAndPort {
  readonly ip: AddressWords;
  readonly port: number;
}

/**
 * Writes an address as it is: MAPPED-ADDRESS (RFC 8489 §14.1), ALTERNATE-SERVER (§14.15), RESPONSE-ORIGIN and OTHER-ADDRESS
 * (RFC 5780 §7.3, §7.4), SOURCE-ADDRESS and CHANGED-ADDRESS (RFC 3489 §11.2).
 */
export function writeAddress(writer: MessageWriter, type: number, address: AddressAndPort): void {
  put(writer, type, address, false);
}

/** Writes an address XORed with cookie and transaction id: XOR-MAPPED-ADDRESS (RFC 8489 §14.2), XOR-PEER-ADDRESS and XOR-RELAYED-ADDRESS (RFC 8656 §18.3, §18.5). */
export function writeXorAddress(writer: MessageWriter, type: number, address: AddressAndPort): void {
  put(writer, type, address, true);
}

/** Reads a plain address attribute into `into`; false when it is malformed. */
export function readAddressInto(message: StunMessage, index: number, into: MutableTransportAddress): boolean {
  return take(message, index, into, false);
}

/** Reads a XORed address attribute into `into`; false when it is malformed. */
export function readXorAddressInto(message: StunMessage, index: number, into: MutableTransportAddress): boolean {
  return take(message, index, into, true);
}

/** Reads a plain address attribute; `undefined` when it is malformed. */
export function readAddress(message: StunMessage, index: number): TransportAddress | undefined {
  return lasting(message, index, false);
}

/** Reads a XORed address attribute; `undefined` when it is malformed. */
export function readXorAddress(message: StunMessage, index: number): TransportAddress | undefined {
  return lasting(message, index, true);
}

/** Bytes of the value of an address attribute. */
export function addressLength(family: AddressFamily): number {
  return family === AddressFamily.ipv4 ? 8 : 20;
}

/** Writes the value of an address attribute at `offset`; the words of the transaction id are 0 for a plain one. */
export function putAddressValue(
  buffer: Buffer,
  offset: number,
  ip: AddressWords,
  port: number,
  cookie: number,
  id0: number,
  id1: number,
  id2: number,
): void {
  buffer[offset] = 0;
  buffer[offset + 1] = ip.family;
  buffer.writeUInt16BE(port ^ (cookie >>> 16), offset + 2);
  buffer.writeInt32BE(ip.w0 ^ cookie, offset + 4);
  if (ip.family === AddressFamily.ipv6) {
    buffer.writeInt32BE(ip.w1 ^ id0, offset + 8);
    buffer.writeInt32BE(ip.w2 ^ id1, offset + 12);
    buffer.writeInt32BE(ip.w3 ^ id2, offset + 16);
  }
}

function put(writer: MessageWriter, type: number, { ip, port }: AddressAndPort, xor: boolean): void {
  const offset = writer.reserve(type, addressLength(ip.family));
  const buffer = writer.buffer;
  if (xor) {
    putAddressValue(
      buffer,
      offset,
      ip,
      port,
      MAGIC_COOKIE,
      buffer.readInt32BE(8),
      buffer.readInt32BE(12),
      buffer.readInt32BE(16),
    );
  } else {
    putAddressValue(buffer, offset, ip, port, 0, 0, 0, 0);
  }
}

function take(message: StunMessage, index: number, into: MutableTransportAddress, xor: boolean): boolean {
  const { buffer, start } = message;
  const offset = message.offsetAt(index);
  const length = message.lengthAt(index);
  if (length < 8) return false;
  const family = buffer[offset + 1]!;
  const cookie = xor ? MAGIC_COOKIE : 0;
  if (family === AddressFamily.ipv4 && length === 8) {
    into.ip.set(family, buffer.readInt32BE(offset + 4) ^ cookie, 0, 0, 0);
  } else if (family === AddressFamily.ipv6 && length === 20) {
    into.ip.set(
      family,
      buffer.readInt32BE(offset + 4) ^ cookie,
      buffer.readInt32BE(offset + 8) ^ (xor ? buffer.readInt32BE(start + 8) : 0),
      buffer.readInt32BE(offset + 12) ^ (xor ? buffer.readInt32BE(start + 12) : 0),
      buffer.readInt32BE(offset + 16) ^ (xor ? buffer.readInt32BE(start + 16) : 0),
    );
  } else {
    return false;
  }
  into.port = buffer.readUInt16BE(offset + 2) ^ (cookie >>> 16);
  return true;
}

const scratch = mutableTransportAddress();

function lasting(message: StunMessage, index: number, xor: boolean): TransportAddress | undefined {
  if (!take(message, index, scratch, xor)) return undefined;
  return { ip: IpAddress.from(scratch.ip), port: scratch.port };
}
