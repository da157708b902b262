import type { SentPacket } from './send-plan.ts';

/** A packet that was sent this much before one that has arrived is lost: more than networks reorder. */
const REORDERING_MS = 30;
/** One that nothing overtook is lost after this time beyond the usual delay. */
const GIVEN_UP_MS = 1000;

/** The packets on their way, and which of them are lost. */
export class PacketHistory {
  /** In the order of sending. */
  readonly #outstanding = new Map<number, SentPacket>();
  /** The sending time of the latest packet that has arrived. */
  #latestArrivedSentMs = Number.NEGATIVE_INFINITY;

  sent(packet: SentPacket): void {
    this.#outstanding.set(packet.sequence, packet);
  }

  /** The packet that has arrived; `undefined` for a second copy, one that was given up, and one that was never sent. */
  received(sequence: number): SentPacket | undefined {
    const packet = this.#outstanding.get(sequence);
    if (packet === undefined) return undefined;
    this.#outstanding.delete(sequence);
    this.#latestArrivedSentMs = Math.max(this.#latestArrivedSentMs, packet.sentAtMs);
    return packet;
  }

  /** Takes out those that are lost by now. `usualDelayMs` is the one-way delay of an empty path. */
  takeLost(nowMs: number, usualDelayMs: number): SentPacket[] {
    const lost: SentPacket[] = [];
    for (const packet of this.#outstanding.values()) {
      const overtaken = packet.sentAtMs < this.#latestArrivedSentMs - REORDERING_MS;
      if (!overtaken && nowMs - packet.sentAtMs < usualDelayMs + GIVEN_UP_MS) break;
      lost.push(packet);
      this.#outstanding.delete(packet.sequence);
    }
    return lost;
  }

  /** How many of those on their way were sent by this time. */
  count(sentUntilMs: number): number {
    let count = 0;
    for (const { sentAtMs } of this.#outstanding.values()) {
      if (sentAtMs > sentUntilMs) break;
      count++;
    }
    return count;
  }

  /** How long the oldest packet on its way has been so, in milliseconds; 0 when there is none. */
  oldestAgeMs(nowMs: number): number {
    for (const packet of this.#outstanding.values()) return Math.max(0, nowMs - packet.sentAtMs);
    return 0;
  }
}
