const TOKEN_LENGTH = 8;
const HEADER_LENGTH = TOKEN_LENGTH + 4;

/** What the largest packets of browsers hold: it passes every path of today in one piece, through tunnels and relays as well. */
export const LARGEST_PACKET = 1200;

/**
 * The packets of one measurement: a token, by which they are told from what strangers send to the relayed address, a sequence
 * number, and random bytes that nothing on the way can compress.
 */
export class ProbePackets {
  readonly #template: Buffer;

  constructor(random: (bytes: number) => Uint8Array) {
    this.#template = Buffer.from(random(LARGEST_PACKET));
  }

  /** @param bytes the length; 12 is the least. */
  write(sequence: number, bytes: number): Buffer {
    const packet = Buffer.from(this.#template.subarray(0, Math.max(bytes, HEADER_LENGTH)));
    packet.writeUInt32BE(sequence, TOKEN_LENGTH);
    return packet;
  }

  /** The sequence number of a packet of ours, `undefined` for a stranger's. */
  read(bytes: Uint8Array): number | undefined {
    if (bytes.length < HEADER_LENGTH || bytes.length > LARGEST_PACKET) return undefined;
    const packet = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (packet.compare(this.#template, 0, TOKEN_LENGTH, 0, TOKEN_LENGTH) !== 0) return undefined;
    return packet.readUInt32BE(TOKEN_LENGTH);
  }
}
