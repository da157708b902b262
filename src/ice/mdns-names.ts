import type { IpAddress } from '../stun/ip-address.ts';

/**
 * Names that browsers show in place of the addresses of this machine, as long as a page may not use camera or microphone: one
 * for each address, `<version 4 UUID>.local`, new every time. Here nobody answers for them: they show what a peer would see.
 */
export class MdnsNames {
  readonly #random: (bytes: number) => Uint8Array;
  readonly #names = new Map<string, string>();

  /** @param random gives random bytes */
  constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random;
  }

  of(ip: IpAddress): string {
    const known = this.#names.get(ip.text);
    if (known !== undefined) return known;
    const name = `${this.#uuid()}.local`;
    this.#names.set(ip.text, name);
    return name;
  }

  // RFC 9562 §5.4
  #uuid(): string {
    const bytes = Buffer.from(this.#random(16));
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }
}
