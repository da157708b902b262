import type { Behavior } from '../../src/nat/behavior.ts';
import {
  formatTransportAddress,
  type IpAddress,
  sameAddress,
  type TransportAddress,
} from '../../src/stun/ip-address.ts';
import type { Schedule } from './schedule.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualNetwork } from './virtual-network.ts';

/** What a NAT, or a firewall without translation, does to UDP. */
export interface NatKind {
  /** `none`: packets keep their address and port. */
  readonly mapping: Behavior | 'none';
  readonly filtering: Behavior;
  readonly ports: PortChoice;
  /** Whether ports stay even or odd; not with `preserving`, which does so anyway. */
  readonly parity: boolean;
  /** Several for a pool. */
  readonly addresses: readonly IpAddress[];
  /** Whether hosts inside reach each other at their outside addresses (RFC 4787 §6). */
  readonly hairpin: boolean;
  /** How long a mapping lives without a packet from inside. */
  readonly timeoutMs: number;
  readonly dropsFragments: boolean;
  /** Whether it puts the inside address into MAPPED-ADDRESS of what comes in, as some gateways do. */
  readonly rewritesPayload: boolean;
  /** Whether UDP gets out. */
  readonly udp: 'passed' | 'dropped' | 'rejected';
  /** A mapping is forgotten after so many packets, which no honest NAT does. */
  readonly packetsPerMapping: number;
  /** Whether whoever any host inside has sent to is let in, at whatever port. */
  readonly sharedFilter: boolean;
  /** Whether what is not let in takes the port: what is sent to where it came from then has another one. */
  readonly unsolicitedTakesPort: boolean;
  /** Where there are several: their addresses, of which the last byte of the destination chooses one. */
  readonly uplinks: readonly IpAddress[];
}

export type PortChoice = 'preserving' | 'random' | { readonly step: number } | { readonly block: number };

/** The largest UDP payload that travels in one packet over Ethernet. */
const LARGEST_WHOLE = 1472;

interface Mapping {
  readonly inside: TransportAddress;
  readonly outside: TransportAddress;
  /** Addresses, and addresses with ports, that were sent to. */
  readonly sentTo: Set<string>;
  /** From which something came that was not let in, where that takes the port. */
  readonly takenFor: Set<string>;
  usedAt: number;
  packets: number;
}

export type Refusal = 'refused' | undefined;

type Receive = (from: TransportAddress, bytes: Buffer) => void;

/** A NAT between hosts inside and a {@link VirtualNetwork} outside. It has all its state in memory and knows virtual time only. */
export class VirtualNat {
  readonly kind: NatKind;
  /** Packets from inside, oldest first. */
  readonly sent: { readonly at: number; readonly from: TransportAddress; readonly to: TransportAddress }[] = [];
  readonly #schedule: Schedule;
  readonly #network: VirtualNetwork;
  readonly #random: SeededRandom;
  readonly #byInside = new Map<string, Mapping>();
  readonly #byOutside = new Map<string, Mapping>();
  readonly #insideSockets = new Map<string, Receive>();
  readonly #everSentTo = new Set<string>();
  #next: number;

  constructor(schedule: Schedule, network: VirtualNetwork, random: SeededRandom, kind: NatKind) {
    this.kind = kind;
    this.#schedule = schedule;
    this.#network = network;
    this.#random = random;
    this.#next = random.between(20_000, 40_000) & ~1;
  }

  /** A socket is opened inside. */
  attach(inside: TransportAddress, receive: Receive): void {
    this.#insideSockets.set(formatTransportAddress(inside), receive);
  }

  detach(inside: TransportAddress): void {
    this.#insideSockets.delete(formatTransportAddress(inside));
  }

  /** A packet from inside. Says whether the NAT answers with an ICMP error. */
  send(inside: TransportAddress, to: TransportAddress, bytes: Uint8Array): Refusal {
    const { kind } = this;
    this.sent.push({ at: this.#schedule.now, from: inside, to });
    if (kind.udp === 'rejected') return 'refused';
    if (kind.udp === 'dropped' || this.#isDroppedFragment(bytes)) return undefined;
    const mapping = this.#mappingFor(inside, to);
    mapping.usedAt = this.#schedule.now;
    mapping.packets++;
    mapping.sentTo.add(to.ip.text).add(formatTransportAddress(to));
    this.#everSentTo.add(to.ip.text);
    if (!kind.addresses.some((address) => sameAddress(address, to.ip))) {
      this.#network.send(mapping.outside, to, bytes);
    } else if (kind.hairpin) {
      const target = this.#byOutside.get(formatTransportAddress(to));
      if (target) this.#receive(target, mapping.outside, Buffer.from(bytes));
    }
    return undefined;
  }

  #mappingFor(inside: TransportAddress, to: TransportAddress): Mapping {
    const usual = this.#keyFor(inside, to);
    const isTaken = this.#byInside.get(usual)?.takenFor.has(formatTransportAddress(to));
    const key = isTaken ? `${usual} apart ${formatTransportAddress(to)}` : usual;
    const known = this.#byInside.get(key);
    if (known && this.#isAlive(known) && known.packets < this.kind.packetsPerMapping) return known;
    if (known) this.#forget(known);
    const outside = this.kind.mapping === 'none' ? inside : this.#choosePort(inside, to, known?.outside);
    const usedAt = this.#schedule.now;
    const mapping: Mapping = { inside, outside, sentTo: new Set(), takenFor: new Set(), usedAt, packets: 0 };
    this.#byInside.set(key, mapping);
    this.#byOutside.set(formatTransportAddress(outside), mapping);
    this.#network.attach(outside, (from, bytes) => this.#receive(mapping, from, bytes));
    return mapping;
  }

  #forget(mapping: Mapping): void {
    this.#byOutside.delete(formatTransportAddress(mapping.outside));
    this.#network.detach(mapping.outside);
  }

  #keyFor(inside: TransportAddress, to: TransportAddress): string {
    const from = `${formatTransportAddress(inside)} ${this.#uplinkFor(to)?.text ?? ''}`;
    switch (this.kind.mapping) {
      case 'address-dependent':
        return `${from} ${to.ip.text}`;
      case 'address-and-port-dependent':
        return `${from} ${formatTransportAddress(to)}`;
      default:
        return from;
    }
  }

  #isAlive({ usedAt }: Mapping): boolean {
    return this.#schedule.now - usedAt < this.kind.timeoutMs;
  }

  #uplinkFor({ ip }: TransportAddress): IpAddress | undefined {
    const { uplinks } = this.kind;
    return uplinks.length === 0 ? undefined : uplinks[(ip.w0 & 0xff) % uplinks.length];
  }

  #choosePort(
    { port }: TransportAddress,
    to: TransportAddress,
    notThis: TransportAddress | undefined,
  ): TransportAddress {
    const ip = this.#uplinkFor(to) ?? this.#random.pick(this.kind.addresses);
    for (let attempt = 0; ; attempt++) {
      const outside = { ip, port: this.#portLike(port, attempt) };
      const text = formatTransportAddress(outside);
      if (!this.#byOutside.has(text) && (!notThis || text !== formatTransportAddress(notThis))) return outside;
    }
  }

  #portLike(inside: number, attempt: number): number {
    const { ports, parity } = this.kind;
    const keepParity = (port: number) => (parity && (port & 1) !== (inside & 1) ? port ^ 1 : port);
    if (ports === 'preserving' && attempt === 0) return inside;
    if (ports === 'preserving' || ports === 'random') return keepParity(this.#random.between(1024, 65_535));
    if ('block' in ports) return keepParity(30_000 + this.#random.below(ports.block));
    this.#next += ports.step;
    return keepParity(this.#next);
  }

  #receive(mapping: Mapping, from: TransportAddress, bytes: Buffer): void {
    if (!this.#isAlive(mapping) || this.#isDroppedFragment(bytes)) return;
    if (!this.#letsIn(mapping, from)) {
      if (this.kind.unsolicitedTakesPort && this.kind.mapping !== 'none')
        mapping.takenFor.add(formatTransportAddress(from));
      return;
    }
    const receive = this.#insideSockets.get(formatTransportAddress(mapping.inside));
    receive?.(from, this.kind.rewritesPayload ? rewritten(bytes, mapping.inside) : bytes);
  }

  #letsIn({ sentTo }: Mapping, from: TransportAddress): boolean {
    const { filtering, sharedFilter } = this.kind;
    if (sharedFilter) return this.#everSentTo.has(from.ip.text);
    if (filtering === 'endpoint-independent') return true;
    return sentTo.has(filtering === 'address-dependent' ? from.ip.text : formatTransportAddress(from));
  }

  #isDroppedFragment({ length }: Uint8Array): boolean {
    return this.kind.dropsFragments && length > LARGEST_WHOLE;
  }
}

const MAPPED_ADDRESS = 0x0001;

/** The message with the inside address in MAPPED-ADDRESS, if it has one for IPv4. */
function rewritten(message: Buffer, { ip, port }: TransportAddress): Buffer {
  const bytes = Buffer.from(message);
  for (let at = 20; at + 12 <= bytes.length; at += 4 + ((bytes.readUInt16BE(at + 2) + 3) & ~3)) {
    if (bytes.readUInt16BE(at) !== MAPPED_ADDRESS || bytes[at + 5] !== 1) continue;
    bytes.writeUInt16BE(port, at + 6);
    bytes.writeInt32BE(ip.w0, at + 8);
  }
  return bytes;
}
