import { HEADER_LENGTH, MAGIC_COOKIE, type MessageClass } from './protocol.ts';

/** The type field: twelve method bits with the two class bits spread in between (RFC 8489 §5). */
export function messageType(messageClass: MessageClass, method: number): number {
  return messageClass | (method & 0x00f) | ((method & 0x070) << 1) | ((method & 0xf80) << 2);
}

/**
 * Builds one STUN message. Attributes are written by the functions in `attributes/`, in the order in which they are to stand;
 * integrity and fingerprint come last.
 */
export class MessageWriter {
  #buffer: Buffer;
  #end = HEADER_LENGTH;

  constructor(capacity = 1500) {
    this.#buffer = Buffer.alloc(capacity);
  }

  /**
   * Starts a message.
   *
   * @param transactionId 12 bytes; or 16, the first four instead of the magic cookie, to answer an RFC 3489 client.
   */
  begin(messageClass: MessageClass, method: number, transactionId: Uint8Array): this {
    this.#end = HEADER_LENGTH;
    this.#buffer.writeUInt16BE(messageType(messageClass, method), 0);
    this.#buffer.writeUInt16BE(0, 2);
    this.#buffer.writeUInt32BE(MAGIC_COOKIE, 4);
    this.#buffer.set(transactionId, HEADER_LENGTH - transactionId.length);
    return this;
  }

  /**
   * Adds an attribute with room for `length` bytes and returns where its value starts in {@link bytes}.
   * The room and the padding to a multiple of 4 are zero: nothing of an earlier message can leak.
   */
  reserve(type: number, length: number): number {
    const value = this.#end + 4;
    const end = value + ((length + 3) & ~3);
    this.#ensure(end);
    this.#buffer.fill(0, value, end);
    this.#buffer.writeUInt16BE(type, this.#end);
    this.#buffer.writeUInt16BE(length, this.#end + 2);
    this.#end = end;
    this.#buffer.writeUInt16BE(end - HEADER_LENGTH, 2);
    return value;
  }

  /** Adds an attribute with these bytes as its value. */
  attribute(type: number, value: Uint8Array): this {
    const offset = this.reserve(type, value.length);
    this.#buffer.set(value, offset);
    return this;
  }

  /** Adds an attribute without a value, such as DONT-FRAGMENT. */
  flag(type: number): this {
    this.reserve(type, 0);
    return this;
  }

  /** The message so far: a view that the next {@link begin} overwrites. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  /** The transaction id and cookie are needed to obfuscate addresses: offset 4 of the message. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** A copy of the message that stays as it is. */
  finish(): Buffer {
    return Buffer.from(this.bytes);
  }

  #ensure(size: number): void {
    if (size - HEADER_LENGTH > 0xffff) throw new RangeError('a STUN message holds at most 65,535 bytes of attributes');
    if (size <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(size, this.#buffer.length * 2));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
