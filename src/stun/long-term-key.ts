import { hash } from 'node:crypto';

/** Password algorithms of the long-term credential mechanism (RFC 8489 §18.5), by their number on the wire. */
export const PasswordAlgorithm = { md5: 0x0001, sha256: 0x0002 } as const;
export type PasswordAlgorithm = (typeof PasswordAlgorithm)[keyof typeof PasswordAlgorithm];

/**
 * The long-term key: a hash of `username:realm:password` (RFC 8489 §9.2.2, §18.5.1).
 *
 * @returns 16 bytes for MD5, 32 bytes for SHA-256.
 */
export function longTermKey(algorithm: PasswordAlgorithm, username: string, realm: string, password: string): Buffer {
  const name = algorithm === PasswordAlgorithm.md5 ? 'md5' : 'sha256';
  return hash(name, `${username}:${realm}:${password.normalize('NFC')}`, 'buffer');
}
