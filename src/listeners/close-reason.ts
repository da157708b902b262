/** Why a connection was closed. Each is counted. */
export const closeReasons = [
  // Everyday ends.
  'client',
  'connection-error',
  'idle',
  'server',
  // What came is not for us.
  'not-stun',
  'bad-proxy-header',
  'untrusted-proxy',
  'no-certificate',
  'handshake-failed',
  // Too slow.
  'handshake-timeout',
  'first-message-timeout',
  // Too many.
  'pending-limit',
  'pending-per-address-limit',
  'total-limit',
] as const;

export type CloseReason = (typeof closeReasons)[number];
