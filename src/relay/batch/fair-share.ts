import type { MutableTransportAddress } from '../../stun/attributes/address.ts';
import { mix } from '../../turn/address-table.ts';

const BUCKETS = 1024;
/** From here on, of the room for waiting packets, whoever sends far more than others is cut down; then everybody may be. */
const CROWDED = 1 / 8;
const NEARLY_FULL = 1 / 2;
/** So many times the average is far more than others send. */
const FAR_MORE = 2;
/** How the budget shrinks while it is crowded, and grows again. */
const SHRINK = 0.75;
const GROWTH = 16;

/**
 * Decides whose packets are let go when clients send more than can be relayed. While few wait it costs nothing and lets
 * everything pass. Once there is no room for more the kernel drops what arrives, whoever it hits. So before that each turn has
 * a budget, and whoever sends most is cut down first (max-min fairness): those who send little lose nothing, and the queue
 * drains.
 */
export class FairShare {
  readonly #seed: number;
  readonly #most: number;
  readonly #counts = new Uint16Array(BUCKETS);
  /** The buckets that this turn has touched. */
  readonly #touched = new Uint16Array(BUCKETS);
  #touchedCount = 0;
  #budget: number;
  #share = Number.POSITIVE_INFINITY;

  /**
   * @param mostPerTurn the most packets of clients that one turn takes in.
   * @param seed random bits, so that nobody can choose with whom to share a bucket.
   */
  constructor(mostPerTurn: number, seed: number) {
    this.#most = mostPerTurn;
    this.#budget = mostPerTurn;
    this.#seed = seed | 0;
  }

  /** Whether packets are counted at the moment. */
  get engaged(): boolean {
    return this.#budget < this.#most;
  }

  /** Counts a packet of this sender; false when it has had its share of this turn. */
  admit({ ip, port }: MutableTransportAddress): boolean {
    if (this.#budget >= this.#most) return true;
    const hash = mix(mix(mix(mix(mix(this.#seed ^ ip.w0) ^ ip.w1) ^ ip.w2) ^ ip.w3) ^ port);
    const bucket = (hash ^ (hash >>> 16)) & (BUCKETS - 1);
    const count = this.#counts[bucket]!;
    if (count === 0) this.#touched[this.#touchedCount++] = bucket;
    this.#counts[bucket] = count + 1;
    return count < this.#share;
  }

  /**
   * A turn is over.
   *
   * @param fullness how much of the room for waiting packets is in use, 0 to 1; 1 if there was none for some.
   */
  endTurn(fullness: number): void {
    if (fullness > CROWDED) this.#budget = Math.max(this.#most / 8, this.#budget * SHRINK);
    else if (this.engaged) this.#budget = Math.min(this.#most, this.#budget + GROWTH);
    else return;
    this.#share = this.#nextShare(fullness);
    for (let i = 0; i < this.#touchedCount; i++) this.#counts[this.#touched[i]!] = 0;
    this.#touchedCount = 0;
  }

  #nextShare(fullness: number): number {
    if (this.#touchedCount === 0) return Number.POSITIVE_INFINITY;
    const even = this.#evenShare();
    return fullness > NEARLY_FULL ? even : Math.max(even, FAR_MORE * this.#average());
  }

  /** How many packets a sender of this turn has sent on average. */
  #average(): number {
    let packets = 0;
    for (let i = 0; i < this.#touchedCount; i++) packets += this.#counts[this.#touched[i]!]!;
    return packets / this.#touchedCount;
  }

  /** The share at which all senders of this turn together would use up the budget. */
  #evenShare(): number {
    let share = this.#budget / this.#touchedCount;
    for (let round = 0; round < 4; round++) {
      let small = 0;
      let large = 0;
      for (let i = 0; i < this.#touchedCount; i++) {
        const count = this.#counts[this.#touched[i]!]!;
        if (count <= share) small += count;
        else large++;
      }
      if (large === 0) return share;
      share = Math.max(1, (this.#budget - small) / large);
    }
    return share;
  }
}
