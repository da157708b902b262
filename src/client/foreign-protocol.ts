import { MAGIC_COOKIE } from '../stun/protocol.ts';
import type { ForeignProtocol } from './transport-error.ts';

/**
 * Says what a server speaks that should have begun with a STUN message.
 *
 * @param opening its first bytes, as many as there are.
 * @returns `undefined` while it may be STUN.
 */
export function foreignProtocol(opening: Buffer): ForeignProtocol | undefined {
  const [first, second] = opening;
  if (first === undefined) return undefined;
  // The content types of TLS records, alert and handshake, and the major version of all of them.
  if ((first === 0x15 || first === 0x16) && (second === undefined || second === 0x03)) {
    return second === undefined ? undefined : 'tls';
  }
  const text = opening.subarray(0, 5).toString('latin1');
  if (text === 'HTTP/') return 'http';
  if (text.startsWith('SSH-')) return 'ssh';
  if ('HTTP/'.startsWith(text) || 'SSH-'.startsWith(text)) return undefined;
  if (first > 0x01) return 'unknown';
  return opening.length >= 8 && opening.readUInt32BE(4) !== MAGIC_COOKIE ? 'unknown' : undefined;
}

/** What answers over UDP in place of a STUN server; `echo` sends back what it gets. */
export type ForeignDatagram = 'echo' | 'dns' | 'sip' | 'dtls' | 'unknown';

/**
 * Says what a datagram is that came in answer to a STUN request.
 *
 * @param request the request as it was sent.
 * @returns `undefined` for STUN messages.
 */
export function foreignDatagram(datagram: Buffer, request: Uint8Array): ForeignDatagram | undefined {
  if (request.length > 0 && datagram.equals(request)) return 'echo';
  const [first = 0, second = 0] = datagram;
  if (datagram.length >= 20 && first < 0x40 && datagram.readUInt32BE(4) === MAGIC_COOKIE) return undefined;
  // The content types of DTLS records, and its versions, which count downwards (RFC 9147 §4).
  if (first >= 0x14 && first <= 0x17 && second === 0xfe) return 'dtls';
  if (datagram.subarray(0, 4).toString('latin1') === 'SIP/') return 'sip';
  // To a DNS server the message type is the id of a question, which its answer repeats with the bit for answers set (RFC 1035 §4.1.1).
  const isDns = datagram.length >= 12 && first === request[0] && second === request[1] && datagram[2]! >= 0x80;
  return isDns ? 'dns' : 'unknown';
}
