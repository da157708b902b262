import { formatTransportAddress, IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import type { Schedule } from './schedule.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Reads `192.0.2.1:3478` or `[2001:db8::1]:3478`. */
export function address(text: string): TransportAddress {
  const colon = text.lastIndexOf(':');
  const ip = IpAddress.parse(text.slice(0, colon).replace(/^\[|\]$/g, ''));
  if (ip === undefined) throw new Error(`${text} is no transport address`);
  return { ip, port: Number(text.slice(colon + 1)) };
}

/** How a network treats packets. The default loses nothing and takes no time. */
export interface Conditions {
  readonly latencyMs: number;
  /** Up to this much is added to the latency at random, so that packets overtake each other. */
  readonly jitterMs: number;
  /** Probability that a packet is lost. */
  readonly loss: number;
  /** Probability that a packet arrives twice. */
  readonly duplication: number;
}

export const perfectConditions: Conditions = { latencyMs: 0, jitterMs: 0, loss: 0, duplication: 0 };

type Receive = (from: TransportAddress, bytes: Buffer) => void;

/** UDP between endpoints, in virtual time. Packets to an address at which nobody listens vanish. */
export class VirtualNetwork {
  conditions: Conditions;
  /** Packets that came to an address at which nobody listened. */
  undeliverable = 0;
  readonly #schedule: Schedule;
  readonly #random: SeededRandom;
  readonly #endpoints = new Map<string, Receive>();

  constructor(schedule: Schedule, random: SeededRandom, conditions: Partial<Conditions> = {}) {
    this.#schedule = schedule;
    this.#random = random;
    this.conditions = { ...perfectConditions, ...conditions };
  }

  get endpoints(): number {
    return this.#endpoints.size;
  }

  attach(at: TransportAddress, receive: Receive): void {
    const key = formatTransportAddress(at);
    if (this.#endpoints.has(key)) throw new Error(`${key} is taken`);
    this.#endpoints.set(key, receive);
  }

  detach(at: TransportAddress): void {
    this.#endpoints.delete(formatTransportAddress(at));
  }

  /** Sends a copy of these bytes. */
  send(from: TransportAddress, to: TransportAddress, bytes: Uint8Array): void {
    const { loss, duplication } = this.conditions;
    if (loss > 0 && this.#random.chance(loss)) return;
    const copy = Buffer.from(bytes);
    this.#deliver(from, to, copy);
    if (duplication > 0 && this.#random.chance(duplication)) this.#deliver(from, to, copy);
  }

  #deliver(from: TransportAddress, to: TransportAddress, bytes: Buffer): void {
    const { latencyMs, jitterMs } = this.conditions;
    this.#schedule.after(latencyMs + (jitterMs > 0 ? this.#random.below(jitterMs + 1) : 0), () => {
      const receive = this.#endpoints.get(formatTransportAddress(to));
      if (receive === undefined) this.undeliverable++;
      else receive(from, bytes);
    });
  }
}
