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
