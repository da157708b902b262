import { readXorAddress } from '../../src/stun/attributes/address.ts';
import { readLifetime, readReservationToken } from '../../src/stun/attributes/allocation.ts';
import { readAddressErrorCode, readErrorCode } from '../../src/stun/attributes/error-code.ts';
import { readText } from '../../src/stun/attributes/text.ts';
import { readUnknownAttributes } from '../../src/stun/attributes/unknown-attributes.ts';
import { fingerprintHolds } from '../../src/stun/fingerprint.ts';
import { findIntegrity, type IntegrityAlgorithm, verifyIntegrity } from '../../src/stun/integrity.ts';
import type { TransportAddress } from '../../src/stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../src/stun/message.ts';
import { Attribute, MessageClass } from '../../src/stun/protocol.ts';

/** A STUN message that a client received. */
export class Answer {
  readonly bytes: Buffer;
  readonly message = new StunMessage();

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const result = this.message.read(bytes, 0, bytes.length);
    if (result !== ReadResult.ok) throw new Error(`the server sent a malformed message: ${bytes.toString('hex')}`);
    if (!fingerprintHolds(this.message)) throw new Error('the server sent a wrong fingerprint');
  }

  get isSuccess(): boolean {
    return this.message.messageClass === MessageClass.success;
  }

  get isError(): boolean {
    return this.message.messageClass === MessageClass.error;
  }

  /** The error code; 0 for success. */
  get code(): number {
    return this.isError ? (this.#read(Attribute.errorCode, readErrorCode)?.code ?? -1) : 0;
  }

  get relayedAddresses(): TransportAddress[] {
    const found: TransportAddress[] = [];
    const { message } = this;
    const type = Attribute.xorRelayedAddress;
    for (let i = message.find(type); i >= 0; i = message.find(type, i + 1)) found.push(readXorAddress(message, i)!);
    return found;
  }

  /** The first relayed address; throws when there is none. */
  get relayed(): TransportAddress {
    const [first] = this.relayedAddresses;
    if (first === undefined) throw new Error(`no relayed address in an answer with code ${this.code}`);
    return first;
  }

  get mapped(): TransportAddress | undefined {
    return this.#read(Attribute.xorMappedAddress, readXorAddress);
  }

  get lifetimeSeconds(): number | undefined {
    return this.#read(Attribute.lifetime, readLifetime);
  }

  get reservationToken(): Buffer | undefined {
    return this.#read(Attribute.reservationToken, readReservationToken);
  }

  get addressError(): { code: number; family: number } | undefined {
    const error = this.#read(Attribute.addressErrorCode, readAddressErrorCode);
    return error && { code: error.code, family: error.family };
  }

  get unknownAttributes(): number[] | undefined {
    return this.#read(Attribute.unknownAttributes, readUnknownAttributes);
  }

  get realm(): string | undefined {
    return this.#read(Attribute.realm, readText);
  }

  get nonce(): string | undefined {
    return this.#read(Attribute.nonce, readText);
  }

  has(type: number): boolean {
    return this.message.has(type);
  }

  /** The types of its attributes, in their order. */
  get attributeTypes(): number[] {
    return Array.from({ length: this.message.attributeCount }, (_, i) => this.message.typeAt(i));
  }

  /** Whether it carries this kind of integrity, made with this key. */
  isSignedBy(key: Buffer, algorithm: IntegrityAlgorithm): boolean {
    const index = findIntegrity(this.message, algorithm);
    return index >= 0 && verifyIntegrity(this.message, index, algorithm, key);
  }

  #read<T>(type: number, decode: (message: StunMessage, index: number) => T | undefined): T | undefined {
    const index = this.message.find(type);
    return index < 0 ? undefined : decode(this.message, index);
  }
}
