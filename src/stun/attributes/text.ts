import { createHash } from 'node:crypto';
import type { StunMessage } from '../message.ts';
import type { MessageWriter } from '../message-writer.ts';
import { Attribute } from '../protocol.ts';

/** The most bytes a text attribute may have (RFC 8489 §14.3, §14.10, §14.13, §14.14, §14.16). */
const limits = new Map<number, number>([
  [Attribute.username, 508],
  [Attribute.realm, 763],
  [Attribute.nonce, 763],
  [Attribute.software, 763],
  [Attribute.alternateDomain, 255],
]);

/** Writes USERNAME, REALM, NONCE, SOFTWARE or ALTERNATE-DOMAIN. */
export function writeText(writer: MessageWriter, type: number, text: string): void {
  writer.attribute(type, Buffer.from(text, 'utf8'));
}

/** Reads USERNAME, REALM, NONCE, SOFTWARE or ALTERNATE-DOMAIN; `undefined` when it is longer than allowed. */
export function readText(message: StunMessage, index: number): string | undefined {
  const limit = limits.get(message.typeAt(index)) ?? Number.POSITIVE_INFINITY;
  if (message.lengthAt(index) > limit) return undefined;
  return message.valueAt(index).toString('utf8');
}

/** USERHASH (RFC 8489 §14.4): 32 bytes that stand for a username without showing it. */
export function userhash(username: string, realm: string): Buffer {
  return createHash('sha256').update(`${username}:${realm}`, 'utf8').digest();
}

/** Reads USERHASH; `undefined` unless it has 32 bytes. */
export function readUserhash(message: StunMessage, index: number): Buffer | undefined {
  return message.lengthAt(index) === 32 ? message.valueAt(index) : undefined;
}
