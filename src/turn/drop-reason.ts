/** Why a packet went nowhere. Each is counted; none is an error of the server. */
export const dropReasons = [
  // What a client sent is no message of ours.
  'not-stun',
  'bad-length',
  'no-magic-cookie',
  'bad-attribute',
  'too-many-attributes',
  'bad-fingerprint',
  'not-a-request',
  'unknown-method',
  // Requests that get no answer.
  'answer-allowance',
  'request-in-progress',
  'new-peer-rate',
  // Data from a client.
  'no-allocation',
  'unknown-channel',
  'bad-channel-length',
  'bad-send-indication',
  'no-permission',
  'bad-peer-port',
  'own-service',
  'no-such-relay',
  'would-fragment',
  // Peers that connect.
  'too-many-connections',
  // Data in both directions.
  'allocation-rate',
  'user-rate',
  'server-rate',
  'unfair-share',
  'too-large',
  'ttl-expired',
  // ICMP errors.
  'icmp-type',
  // What the sockets said.
  'send-failed',
  'send-queue-full',
] as const;

export type DropReason = (typeof dropReasons)[number];

/** The number of each reason: what the packet path counts by. */
export const Drop = Object.fromEntries(dropReasons.map((reason, i) => [reason, i])) as Readonly<
  Record<DropReason, number>
>;
