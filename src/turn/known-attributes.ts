import type { StunMessage } from '../stun/message.ts';
import { Attribute, isComprehensionRequired } from '../stun/protocol.ts';
import type { TurnServerOptions } from './options.ts';

/** Attributes that this server knows what to do with, or knows that it may ignore. */
const understood = new Set<number>([
  Attribute.mappedAddress,
  Attribute.username,
  Attribute.messageIntegrity,
  Attribute.errorCode,
  Attribute.unknownAttributes,
  Attribute.channelNumber,
  Attribute.lifetime,
  Attribute.xorPeerAddress,
  Attribute.data,
  Attribute.realm,
  Attribute.nonce,
  Attribute.xorRelayedAddress,
  Attribute.requestedAddressFamily,
  Attribute.evenPort,
  Attribute.requestedTransport,
  Attribute.messageIntegritySha256,
  Attribute.passwordAlgorithm,
  Attribute.userhash,
  Attribute.xorMappedAddress,
  Attribute.reservationToken,
  Attribute.connectionId,
]);

type Abilities = Pick<TurnServerOptions, 'dontFragment'>;

/** Whether every comprehension-required attribute of the message is known. */
export function understandsAll(message: StunMessage, abilities: Abilities): boolean {
  for (let i = 0; i < message.attributeCount; i++) if (!understands(message.typeAt(i), abilities)) return false;
  return true;
}

/**
 * The comprehension-required attributes of the message that are not known (RFC 8489 §6.3.1).
 *
 * @param alsoKnown attributes that mean something only in this place.
 */
export function unknownAttributes(
  message: StunMessage,
  abilities: Abilities,
  alsoKnown?: ReadonlySet<number>,
): number[] {
  const unknown = new Set<number>();
  for (let i = 0; i < message.attributeCount; i++) {
    const type = message.typeAt(i);
    if (!understands(type, abilities) && alsoKnown?.has(type) !== true) unknown.add(type);
  }
  return [...unknown];
}

function understands(type: number, { dontFragment }: Abilities): boolean {
  if (!isComprehensionRequired(type) || understood.has(type)) return true;
  return type === Attribute.dontFragment && dontFragment;
}
