import { addressLength, putAddressValue } from '../stun/attributes/address.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { messageType } from '../stun/message-writer.ts';
import { Attribute, HEADER_LENGTH, MAGIC_COOKIE, MessageClass, Method } from '../stun/protocol.ts';

/**
 * What stands in front of the data in a Send indication (RFC 8656 §11.1). Nobody answers an indication, so all of a client's
 * may have the transaction id 0.
 *
 * @param size bytes of data, without its padding.
 */
export function sendIndicationHeader(peer: TransportAddress, size: number): Buffer {
  const peerLength = addressLength(peer.ip.family);
  const header = Buffer.alloc(HEADER_LENGTH + 4 + peerLength + 4);
  header.writeUInt16BE(messageType(MessageClass.indication, Method.send), 0);
  header.writeUInt16BE(header.length - HEADER_LENGTH + ((size + 3) & ~3), 2);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  header.writeUInt16BE(Attribute.xorPeerAddress, HEADER_LENGTH);
  header.writeUInt16BE(peerLength, HEADER_LENGTH + 2);
  putAddressValue(header, HEADER_LENGTH + 4, peer.ip, peer.port, MAGIC_COOKIE, 0, 0, 0);
  header.writeUInt16BE(Attribute.data, header.length - 4);
  header.writeUInt16BE(size, header.length - 2);
  return header;
}
