/** Numbers of STUN and its usages as the registries have them: RFC 8489, 8656, 5780, 6062, 8016 and, for old clients, 3489. */

/** First four bytes after the length field of every RFC 5389 and later message (RFC 8489 §5). */
export const MAGIC_COOKIE = 0x2112a442;

/** Bytes of a STUN header (RFC 8489 §5). */
export const HEADER_LENGTH = 20;

/** Message classes, as the two class bits spread over the type field (RFC 8489 §5). */
export const MessageClass = { request: 0x000, indication: 0x010, success: 0x100, error: 0x110 } as const;
export type MessageClass = (typeof MessageClass)[keyof typeof MessageClass];

/** Methods (RFC 8489 §18.2, RFC 8656 §17, RFC 6062 §6.1). */
export const Method = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  createPermission: 0x008,
  channelBind: 0x009,
  connect: 0x00a,
  connectionBind: 0x00b,
  connectionAttempt: 0x00c,
} as const;
export type Method = (typeof Method)[keyof typeof Method];

/** Attribute types (RFC 8489 §18.3, RFC 8656 §18, RFC 5780 §7, RFC 6062 §6.2, RFC 8016 §6, RFC 3489 §11.2). */
export const Attribute = {
  mappedAddress: 0x0001,
  changeRequest: 0x0003,
  sourceAddress: 0x0004,
  changedAddress: 0x0005,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  evenPort: 0x0018,
  requestedTransport: 0x0019,
  dontFragment: 0x001a,
  messageIntegritySha256: 0x001c,
  passwordAlgorithm: 0x001d,
  userhash: 0x001e,
  xorMappedAddress: 0x0020,
  reservationToken: 0x0022,
  padding: 0x0026,
  responsePort: 0x0027,
  connectionId: 0x002a,
  additionalAddressFamily: 0x8000,
  addressErrorCode: 0x8001,
  passwordAlgorithms: 0x8002,
  alternateDomain: 0x8003,
  icmp: 0x8004,
  software: 0x8022,
  alternateServer: 0x8023,
  fingerprint: 0x8028,
  responseOrigin: 0x802b,
  otherAddress: 0x802c,
  mobilityTicket: 0x8030,
  /** ADDITIONAL-ADDRESS-FAMILY before it had its number; coturn's client up to 4.6 sends it. */
  additionalAddressFamilyDraft: 0x8032,
} as const;
export type Attribute = (typeof Attribute)[keyof typeof Attribute];

const attributeNames = new Map<number, string>(
  Object.entries(Attribute).map(([name, type]) => [type, name.replace(/([A-Z])/g, '-$1').toUpperCase()]),
);

/** The registered name of an attribute, as RFCs print it, or its number when it has none here. */
export function attributeName(type: number): string {
  return attributeNames.get(type) ?? `0x${type.toString(16).padStart(4, '0')}`;
}

/** Attribute types below 0x8000 must be understood by whoever receives them (RFC 8489 §14). */
export function isComprehensionRequired(type: number): boolean {
  return type < 0x8000;
}

/** Error codes (RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3, RFC 8016 §6). */
export const ErrorCode = {
  tryAlternate: 300,
  badRequest: 400,
  unauthenticated: 401,
  forbidden: 403,
  mobilityForbidden: 405,
  unknownAttribute: 420,
  allocationMismatch: 437,
  staleNonce: 438,
  addressFamilyNotSupported: 440,
  wrongCredentials: 441,
  unsupportedTransportProtocol: 442,
  peerAddressFamilyMismatch: 443,
  connectionAlreadyExists: 446,
  connectionTimeoutOrFailure: 447,
  allocationQuotaReached: 486,
  serverError: 500,
  insufficientCapacity: 508,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** The phrase the RFCs give to an error code. For people; nothing on the network depends on it. */
export const reasonPhrases: ReadonlyMap<number, string> = new Map([
  [300, 'Try Alternate'],
  [400, 'Bad Request'],
  [401, 'Unauthenticated'],
  [403, 'Forbidden'],
  [405, 'Mobility Forbidden'],
  [420, 'Unknown Attribute'],
  [437, 'Allocation Mismatch'],
  [438, 'Stale Nonce'],
  [440, 'Address Family not Supported'],
  [441, 'Wrong Credentials'],
  [442, 'Unsupported Transport Protocol'],
  [443, 'Peer Address Family Mismatch'],
  [446, 'Connection Already Exists'],
  [447, 'Connection Timeout or Failure'],
  [486, 'Allocation Quota Reached'],
  [500, 'Server Error'],
  [508, 'Insufficient Capacity'],
]);

/** Address families as STUN writes them (RFC 8489 §14.1). */
export const AddressFamily = { ipv4: 0x01, ipv6: 0x02 } as const;
export type AddressFamily = (typeof AddressFamily)[keyof typeof AddressFamily];

/** Protocol numbers of REQUESTED-TRANSPORT (RFC 8656 §18.7). */
export const TransportProtocol = { tcp: 6, udp: 17 } as const;
