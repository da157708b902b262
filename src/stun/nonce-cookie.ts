/** The security features that a server shows in the first bytes of its nonce, so that nobody can take them away unseen (RFC 8489 §9.2, §18.1). */

const NONCE_COOKIE = 'obMatJos2';
const FEATURES_LENGTH = 4;
const PREFIX_LENGTH = NONCE_COOKIE.length + FEATURES_LENGTH;

export interface SecurityFeatures {
  /** The server offers a choice of PASSWORD-ALGORITHMS. */
  readonly passwordAlgorithms: boolean;
  /** The server understands USERHASH. */
  readonly usernameAnonymity: boolean;
}

/** The cookie and the 24 feature bits in base64; bit 0 is the most significant bit of the first byte. */
export function noncePrefix(features: SecurityFeatures): string {
  const bits = Buffer.from([(features.passwordAlgorithms ? 0x80 : 0) | (features.usernameAnonymity ? 0x40 : 0), 0, 0]);
  return NONCE_COOKIE + bits.toString('base64');
}

/** The features that a nonce shows; `undefined` when it has no cookie, as an RFC 5389 server's nonce. */
export function nonceFeatures(nonce: string): SecurityFeatures | undefined {
  if (!nonce.startsWith(NONCE_COOKIE) || nonce.length < PREFIX_LENGTH) return undefined;
  const text = nonce.slice(NONCE_COOKIE.length, PREFIX_LENGTH);
  if (!/^[A-Za-z0-9+/]{4}$/.test(text)) return undefined;
  const bits = Buffer.from(text, 'base64')[0]!;
  return { passwordAlgorithms: (bits & 0x80) !== 0, usernameAnonymity: (bits & 0x40) !== 0 };
}
