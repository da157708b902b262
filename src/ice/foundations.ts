import type { IpAddress } from '../stun/ip-address.ts';
import type { Candidate, RelayProtocol } from './candidate.ts';

/** What decides which candidates share a foundation. */
export interface FoundationParts extends Pick<Candidate, 'type' | 'protocol'> {
  readonly base: IpAddress;
  /** The address of the STUN or TURN server; host candidates have none. */
  readonly server?: IpAddress;
  readonly relayProtocol?: RelayProtocol;
}

/**
 * Gives candidates their foundations (RFC 8445 §5.1.1.3): equal for the same type, base address, protocol and server address. They are
 * plain numbers, since a peer learns nothing else from them, not even an address that an mDNS name is to hide.
 */
export class Foundations {
  readonly #known = new Map<string, string>();

  of({ type, protocol, base, server, relayProtocol }: FoundationParts): string {
    const key = [type, protocol, base.text, server?.text, relayProtocol].join(' ');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const next = String(this.#known.size + 1);
    this.#known.set(key, next);
    return next;
  }
}
