import { Attribute, HEADER_LENGTH, MAGIC_COOKIE, MessageClass } from './protocol.ts';

/** What reading bytes as a STUN message came to. */
export const ReadResult = {
  ok: 0,
  /** Shorter than a header, or than its own length field says; or length not a multiple of 4. */
  badLength: 1,
  /** First two bits not zero: not STUN. */
  notStun: 2,
  /** No magic cookie: an RFC 3489 message, or something else. */
  noCookie: 3,
  /** An attribute runs over the end of the message. */
  badAttribute: 4,
  /** More attributes than any honest message has. */
  tooManyAttributes: 5,
} as const;
export type ReadResult = (typeof ReadResult)[keyof typeof ReadResult];

const MAX_ATTRIBUTES = 192;

/**
 * A view of one received STUN message, read in place: it keeps the buffer and where each attribute is, and copies nothing.
 * One object is refilled for every message, so what it says holds until the next {@link read}.
 */
export class StunMessage {
  buffer: Buffer = Buffer.alloc(0);
  /** Offset of the first header byte in {@link buffer}. */
  start = 0;
  /** Offset behind the last byte. */
  end = 0;
  messageClass: MessageClass = MessageClass.request;
  method = 0;
  /** Attributes that count: those before MESSAGE-INTEGRITY, and the integrity and fingerprint attributes behind it. */
  attributeCount = 0;

  readonly #types = new Uint16Array(MAX_ATTRIBUTES);
  readonly #lengths = new Uint16Array(MAX_ATTRIBUTES);
  readonly #offsets = new Uint32Array(MAX_ATTRIBUTES);

  /**
   * Reads `buffer[start, end)` as one whole message (RFC 8489 §5, §6.3).
   *
   * With `allowMissingCookie` the cookie is part of the transaction id, as RFC 3489 had it.
   */
  read(buffer: Buffer, start: number, end: number, allowMissingCookie = false): ReadResult {
    if (end - start < HEADER_LENGTH) return ReadResult.badLength;
    const type = buffer.readUInt16BE(start);
    if (type & 0xc000) return ReadResult.notStun;
    const length = buffer.readUInt16BE(start + 2);
    if (length & 3 || length !== end - start - HEADER_LENGTH) return ReadResult.badLength;
    if (buffer.readUInt32BE(start + 4) !== MAGIC_COOKIE && !allowMissingCookie) return ReadResult.noCookie;
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.messageClass = (type & 0x0110) as MessageClass;
    this.method = (type & 0x000f) | ((type & 0x00e0) >> 1) | ((type & 0x3e00) >> 2);
    return this.#indexAttributes();
  }

  #indexAttributes(): ReadResult {
    const buffer = this.buffer;
    let count = 0;
    let offset = this.start + HEADER_LENGTH;
    let integritySeen = false;
    while (offset < this.end) {
      // The message length is a multiple of 4, so four bytes for type and length are always there.
      const type = buffer.readUInt16BE(offset);
      const length = buffer.readUInt16BE(offset + 2);
      const next = offset + 4 + ((length + 3) & ~3);
      if (next > this.end) return ReadResult.badAttribute;
      // RFC 8489 §14.5: attributes behind MESSAGE-INTEGRITY are ignored, save its SHA-256 sister and FINGERPRINT.
      if (!integritySeen || type === Attribute.messageIntegritySha256 || type === Attribute.fingerprint) {
        if (count === MAX_ATTRIBUTES) return ReadResult.tooManyAttributes;
        this.#types[count] = type;
        this.#lengths[count] = length;
        this.#offsets[count] = offset + 4;
        count++;
      }
      integritySeen ||= type === Attribute.messageIntegrity || type === Attribute.messageIntegritySha256;
      offset = next;
    }
    this.attributeCount = count;
    return ReadResult.ok;
  }

  /** Index of the first attribute of this type at or behind index `from`, or -1. Later repeats of a type do not count (RFC 8489 §14). */
  find(type: number, from = 0): number {
    for (let i = from; i < this.attributeCount; i++) if (this.#types[i] === type) return i;
    return -1;
  }

  has(type: number): boolean {
    return this.find(type) >= 0;
  }

  typeAt(index: number): number {
    return this.#types[index]!;
  }

  /** Bytes of the value, without padding. */
  lengthAt(index: number): number {
    return this.#lengths[index]!;
  }

  /** Offset of the value in {@link buffer}. */
  offsetAt(index: number): number {
    return this.#offsets[index]!;
  }

  /** The value as a view into {@link buffer}: it lives no longer than the received bytes do. */
  valueAt(index: number): Buffer {
    const offset = this.#offsets[index]!;
    return this.buffer.subarray(offset, offset + this.#lengths[index]!);
  }

  /** The 96-bit transaction id, as a view. */
  get transactionId(): Buffer {
    return this.buffer.subarray(this.start + 8, this.start + HEADER_LENGTH);
  }

  /** The 128-bit transaction id of an RFC 3489 message, as a view. */
  get classicTransactionId(): Buffer {
    return this.buffer.subarray(this.start + 4, this.start + HEADER_LENGTH);
  }
}
