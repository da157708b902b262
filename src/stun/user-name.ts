/** A USERNAME has fewer than 509 bytes (RFC 8489 §14.3). */
export const maxUserNameBytes = 508;

/** As JSON Schema has it. A colon would make `user:realm:password` ambiguous. */
export const userNamePattern = '^[^\\p{Cc}:]+$';

const pattern = new RegExp(userNamePattern, 'u');

/** Whether a static user may be called so. */
export function isUserName(name: string): boolean {
  return pattern.test(name) && Buffer.byteLength(name) <= maxUserNameBytes;
}
