import type { TransportAddress } from '../../src/stun/ip-address.ts';
import type { VirtualNetwork } from './virtual-network.ts';

/** A peer: a plain UDP endpoint that knows nothing of TURN. */
export class VirtualPeer {
  readonly at: TransportAddress;
  /** Everything that came, the payload as text with one character per byte. */
  readonly received: { readonly from: TransportAddress; readonly data: string }[] = [];
  /** Called for every packet instead of keeping it. */
  onPacket: ((from: TransportAddress, bytes: Buffer) => void) | undefined;
  readonly #network: VirtualNetwork;

  constructor(network: VirtualNetwork, at: TransportAddress) {
    this.at = at;
    this.#network = network;
    network.attach(at, (from, bytes) => {
      if (this.onPacket !== undefined) this.onPacket(from, bytes);
      else this.received.push({ from, data: bytes.toString('latin1') });
    });
  }

  send(to: TransportAddress, data: string | Buffer): void {
    this.#network.send(this.at, to, typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** The payloads that came since the last call. */
  take(): string[] {
    return this.received.splice(0).map(({ data }) => data);
  }
}
