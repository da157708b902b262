import type { Clock } from '../client/clock.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import { ProbePackets } from './probe-packet.ts';

/** What a measurement needs of an allocation. */
export type RelayEnd = Pick<TurnAllocation, 'relayedAddress' | 'send' | 'onData'>;

/** The longest that a sender sleeps without looking what has changed. */
export const LONGEST_PAUSE_MS = 10;
/** A timer that is so late has been kept by a busy machine: on none are they as coarse as that. */
const HELD_UP_MS = 20;

/** The way of the packets: from this machine to the relay and back. */
export class ProbePath {
  /**
   * Told of every packet of ours that arrives, and again if it arrives twice; and whether this program was held up, so that the
   * packet may have been there for some time.
   */
  onArrival: (sequence: number, nowMs: number, heldUp: boolean) => void = () => {};
  readonly clock: Clock;
  readonly #near: RelayEnd;
  readonly #far: RelayEnd;
  readonly #packets: ProbePackets;
  #next = 0;
  /** When the sender meant to wake up, at last or next. */
  #wakeAtMs: number;
  /** Whether it woke up late: what is read until it wakes again came in the meantime. */
  #heldUp = false;

  /** Takes the data handlers of both ends. */
  constructor(near: RelayEnd, far: RelayEnd, clock: Clock, random: (bytes: number) => Uint8Array) {
    this.clock = clock;
    this.#wakeAtMs = clock.now();
    this.#near = near;
    this.#far = far;
    this.#packets = new ProbePackets(random);
    near.onData = () => {};
    far.onData = (_peer, bytes) => {
      const sequence = this.#packets.read(bytes);
      if (sequence === undefined) return;
      const nowMs = clock.now();
      this.onArrival(sequence, nowMs, this.#heldUp || nowMs - this.#wakeAtMs > HELD_UP_MS);
    };
  }

  /** The sequence number of the next packet. */
  get next(): number {
    return this.#next;
  }

  /**
   * Sends a packet of this many bytes.
   *
   * @returns its sequence number.
   */
  send(bytes: number): number {
    const sequence = this.#next++;
    this.#near.send(this.#far.relayedAddress, this.#packets.write(sequence, bytes));
    return sequence;
  }

  /** Lets time pass: as much as is asked for, but no more than {@link LONGEST_PAUSE_MS}. */
  pause(ms: number): Promise<void> {
    const wakeAtMs = this.clock.now() + Math.min(ms, LONGEST_PAUSE_MS);
    this.#wakeAtMs = wakeAtMs;
    return new Promise((resolve) => {
      this.clock.schedule(Math.min(ms, LONGEST_PAUSE_MS), () => {
        this.#heldUp = this.clock.now() - wakeAtMs > HELD_UP_MS;
        resolve();
      });
    });
  }

  close(): void {
    this.onArrival = () => {};
    this.#far.onData = () => {};
  }
}
