import { type IpAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { Listener } from './five-tuple.ts';

/** Two addresses of one family and two ports: what a server needs for NAT behaviour discovery (RFC 5780 §6). */
export interface DiscoveryAddresses {
  readonly addresses: readonly [IpAddress, IpAddress];
  readonly ports: readonly [number, number];
}

/** The other places from which a Binding request can be answered. */
export interface Alternates {
  /** The address and port that both differ from those that were asked: OTHER-ADDRESS. */
  readonly other: TransportAddress;
  /** Whose socket answers a request to change the address, the port, or both; UDP only. */
  responder(changeIp: boolean, changePort: boolean): Listener | undefined;
}

/** Knows the four sockets of each family that take part in NAT behaviour discovery. */
export class NatDiscovery {
  readonly #families: readonly DiscoveryAddresses[];
  readonly #listeners: readonly Listener[];
  readonly #alternates = new Map<string, Alternates>();

  /**
   * @param families at most one entry for each family.
   * @param listeners the UDP listeners at every combination of these addresses and ports.
   */
  constructor(families: readonly DiscoveryAddresses[], listeners: readonly Listener[]) {
    this.#families = families;
    this.#listeners = listeners;
  }

  /** What there is besides this address; `undefined` when it takes no part. */
  alternates(local: TransportAddress): Alternates | undefined {
    const key = `${local.ip.text} ${local.port}`;
    let known = this.#alternates.get(key);
    if (known === undefined) {
      known = this.#find(local);
      if (known !== undefined) this.#alternates.set(key, known);
    }
    return known;
  }

  #find({ ip, port }: TransportAddress): Alternates | undefined {
    for (const { addresses, ports } of this.#families) {
      const otherIp = counterpart(addresses, (address) => sameAddress(address, ip));
      const otherPort = counterpart(ports, (candidate) => candidate === port);
      if (otherIp === undefined || otherPort === undefined) continue;
      return {
        other: { ip: otherIp, port: otherPort },
        responder: (changeIp, changePort) => this.#at(changeIp ? otherIp : ip, changePort ? otherPort : port),
      };
    }
    return undefined;
  }

  #at(ip: IpAddress, port: number): Listener | undefined {
    return this.#listeners.find(({ local }) => local.port === port && sameAddress(local.ip, ip));
  }
}

/** The other one of two. */
function counterpart<T>([first, second]: readonly [T, T], isThis: (candidate: T) => boolean): T | undefined {
  if (isThis(first)) return second;
  return isThis(second) ? first : undefined;
}
