const TOKEN_LENGTH = 12;
const TRANSACTION_ID_OFFSET = 8;

/**
 * What has arrived of what was sent. Every packet carries a random token of its own, so that no stranger's packet is taken for
 * one of ours: as its first bytes, or, in a STUN message, as the transaction id, which answers repeat.
 */
export class Arrivals {
  readonly #random: (bytes: number) => Buffer;
  readonly #heard = new Set<string>();

  constructor(random: (bytes: number) => Buffer) {
    this.#random = random;
  }

  /** A token that nothing has carried yet, as long as a transaction id. */
  token(): Buffer {
    return this.#random(TOKEN_LENGTH);
  }

  /** Takes note of a packet. */
  note(bytes: Buffer): void {
    for (const start of [0, TRANSACTION_ID_OFFSET]) {
      const end = start + TOKEN_LENGTH;
      if (bytes.length >= end) this.#heard.add(bytes.toString('latin1', start, end));
    }
  }

  has(token: Buffer): boolean {
    return this.#heard.has(token.toString('latin1'));
  }
}
