import { readXorAddress } from '../stun/attributes/address.ts';
import {
  isAddressFamily,
  readLifetime,
  readReservationToken,
  writeAddressFamily,
  writeEvenPort,
  writeLifetime,
  writeRequestedTransport,
  writeReservationToken,
} from '../stun/attributes/allocation.ts';
import { readAddressErrorCode, type StunError } from '../stun/attributes/error-code.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { StunMessage } from '../stun/message.ts';
import type { MessageWriter } from '../stun/message-writer.ts';
import { type AddressFamily, Attribute, TransportProtocol } from '../stun/protocol.ts';
import type { RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { readIfPresent } from './stun-client.ts';

/** What to ask for in an Allocate request (RFC 8656 §7.1). */
export interface AllocateOptions {
  /** How long the allocation shall live; without it the server decides. */
  readonly lifetimeSeconds?: number;
  /** REQUESTED-ADDRESS-FAMILY: the one family of the relayed address. */
  readonly addressFamily?: AddressFamily;
  /** ADDITIONAL-ADDRESS-FAMILY: a second relayed address of this family, beside the IPv4 one. */
  readonly additionalAddressFamily?: AddressFamily;
  /** EVEN-PORT: an even relayed port, and perhaps the one above it kept for later. */
  readonly evenPort?: 'even' | 'even-and-reserve-next';
  /** RESERVATION-TOKEN: the port that an earlier EVEN-PORT kept. */
  readonly reservationToken?: Uint8Array;
  /** DONT-FRAGMENT: only if the server can set the DF bit. */
  readonly dontFragment?: boolean;
  /** REQUESTED-TRANSPORT; UDP when left out. */
  readonly transportProtocol?: number;
}

/** What a server granted. */
export interface GrantedAllocation {
  /** One relayed address, or two of different families; the first is the one asked for first. */
  readonly relayedAddresses: readonly [TransportAddress, ...TransportAddress[]];
  /** The client's address as the server sees it. */
  readonly mappedAddress: TransportAddress;
  readonly lifetimeSeconds: number;
  readonly reservationToken: Buffer | undefined;
  /** Why the second family of a dual allocation could not be had (ADDRESS-ERROR-CODE). */
  readonly addressErrors: readonly (StunError & { readonly family: AddressFamily })[];
}

/** Writes the attributes of an Allocate request in the order of RFC 8656 §7.1. */
export function writeAllocate(writer: MessageWriter, options: AllocateOptions): void {
  const { lifetimeSeconds, addressFamily, additionalAddressFamily, evenPort, reservationToken } = options;
  writeRequestedTransport(writer, options.transportProtocol ?? TransportProtocol.udp);
  if (lifetimeSeconds !== undefined) writeLifetime(writer, lifetimeSeconds);
  if (options.dontFragment) writer.flag(Attribute.dontFragment);
  if (addressFamily !== undefined) writeAddressFamily(writer, Attribute.requestedAddressFamily, addressFamily);
  if (additionalAddressFamily !== undefined) {
    writeAddressFamily(writer, Attribute.additionalAddressFamily, additionalAddressFamily);
  }
  if (evenPort) writeEvenPort(writer, evenPort === 'even-and-reserve-next');
  if (reservationToken) writeReservationToken(writer, reservationToken);
}

/** Reads an Allocate success response (RFC 8656 §7.3). */
export function readAllocateSuccess(message: StunMessage): Result<GrantedAllocation, RequestFailure> {
  const [first, ...others] = everyAddress(message, Attribute.xorRelayedAddress);
  if (!first) return failure({ kind: 'malformed-response', missing: Attribute.xorRelayedAddress });
  const mappedAddress = readIfPresent(message, Attribute.xorMappedAddress, readXorAddress);
  if (!mappedAddress) return failure({ kind: 'malformed-response', missing: Attribute.xorMappedAddress });
  const lifetimeSeconds = readIfPresent(message, Attribute.lifetime, readLifetime);
  if (lifetimeSeconds === undefined) return failure({ kind: 'malformed-response', missing: Attribute.lifetime });
  const token = readIfPresent(message, Attribute.reservationToken, readReservationToken);
  return success({
    relayedAddresses: [first, ...others],
    mappedAddress,
    lifetimeSeconds,
    reservationToken: token && Buffer.from(token),
    addressErrors: addressErrors(message),
  });
}

function everyAddress(message: StunMessage, type: number): TransportAddress[] {
  const addresses: TransportAddress[] = [];
  for (let i = message.find(type); i >= 0; i = message.find(type, i + 1)) {
    const address = readXorAddress(message, i);
    if (address) addresses.push(address);
  }
  return addresses;
}

function addressErrors(message: StunMessage): GrantedAllocation['addressErrors'] {
  const error = readIfPresent(message, Attribute.addressErrorCode, readAddressErrorCode);
  if (!error || !isAddressFamily(error.family)) return [];
  return [{ ...error, family: error.family }];
}
