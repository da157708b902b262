import { CHANNEL_DATA_HEADER_LENGTH, isChannelData } from './channel-data.ts';
import { HEADER_LENGTH } from './protocol.ts';

/** Takes one whole message: `buffer[start, end)`, ChannelData without its padding. It may keep nothing of the buffer. */
export type FrameReceiver = (buffer: Buffer, start: number, end: number) => void;

const NOTHING = Buffer.alloc(0);
const HEAD_LENGTH = 4;

/**
 * Finds the STUN and ChannelData messages in a byte stream (RFC 8489 §6.2.2, RFC 8656 §12.5), however it was cut on its way.
 * It holds at most one unfinished message: 64 KB and a header.
 */
export class StreamFramer {
  /** The beginning of a message whose rest has not come yet: `#held[0, #heldLength)`. */
  #held = NOTHING;
  #heldLength = 0;

  /** Whether a message has begun and not ended. */
  get isMidMessage(): boolean {
    return this.#heldLength > 0;
  }

  /**
   * Takes in the next bytes of the stream and hands on every message that they complete.
   *
   * @returns false when what comes is neither STUN nor ChannelData: the stream cannot be read any further.
   */
  push(chunk: Buffer, receive: FrameReceiver): boolean {
    let offset = 0;
    while (this.#heldLength > 0 && offset < chunk.length) {
      const taken = this.#complete(chunk, offset, receive);
      if (taken < 0) return false;
      offset += taken;
    }
    while (chunk.length - offset >= HEAD_LENGTH) {
      const length = frameLength(chunk, offset);
      if (length < 0) return false;
      if (length > chunk.length - offset) break;
      deliver(chunk, offset, offset + length, receive);
      offset += length;
    }
    if (offset < chunk.length) {
      if (!mayBegin(chunk[offset]!)) return false;
      this.#hold(chunk.subarray(offset));
    }
    return true;
  }

  /** Adds bytes to the held message and hands it on when it is whole; how many bytes were used, or -1 for garbage. */
  #complete(chunk: Buffer, offset: number, receive: FrameReceiver): number {
    const wanted = this.#heldLength < HEAD_LENGTH ? HEAD_LENGTH : frameLength(this.#held, 0);
    if (wanted < 0) return -1;
    const taken = Math.min(wanted - this.#heldLength, chunk.length - offset);
    this.#hold(chunk.subarray(offset, offset + taken));
    if (this.#heldLength < HEAD_LENGTH) return taken;
    const length = frameLength(this.#held, 0);
    if (length < 0) return -1;
    if (this.#heldLength === length) {
      this.#heldLength = 0;
      const held = this.#held;
      this.#held = NOTHING;
      deliver(held, 0, length, receive);
    }
    return taken;
  }

  #hold(bytes: Buffer): void {
    const length = this.#heldLength + bytes.length;
    if (length > this.#held.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }
}

/** The first byte of a message is 00xxxxxx (STUN) or 01xxxxxx (ChannelData). */
function mayBegin(firstByte: number): boolean {
  return (firstByte & 0x80) === 0;
}

/** Bytes of the message that begins with these four, padding included; -1 when no message begins so. */
function frameLength(buffer: Buffer, offset: number): number {
  const first = buffer[offset]!;
  if (!mayBegin(first)) return -1;
  const length = buffer.readUInt16BE(offset + 2);
  if (isChannelData(first)) return CHANNEL_DATA_HEADER_LENGTH + ((length + 3) & ~3);
  return length % 4 === 0 ? HEADER_LENGTH + length : -1;
}

function deliver(buffer: Buffer, start: number, paddedEnd: number, receive: FrameReceiver): void {
  const end = isChannelData(buffer[start]!)
    ? start + CHANNEL_DATA_HEADER_LENGTH + buffer.readUInt16BE(start + 2)
    : paddedEnd;
  receive(buffer, start, end);
}
