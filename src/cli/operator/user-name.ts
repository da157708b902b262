/** Whether a static user may be called so. RFC 8489 §14.3: a USERNAME has fewer than 509 bytes. A colon would make `user:realm:password` ambiguous. */
export function isUserName(name: string): boolean {
  return /^[^\p{Cc}:]+$/u.test(name) && Buffer.byteLength(name) < 509;
}
