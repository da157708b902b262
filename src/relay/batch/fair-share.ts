import type { MutableTransportAddress } from '../../stun/attributes/address.ts';

const BUCKETS = 1024;
/** How the budget shrinks while packets are lost, and grows again. */
const SHRINK = 0.75;
const GROWTH = 16;

/**
 * Decides whose packets are let go when clients send more than can be relayed. While nothing is lost it costs nothing and
 * lets everything pass. Once the kernel has begun to drop what arrives, whoever it hits, each turn has a budget, and whoever
 * sends most is cut down first (max-min fairness): those who send little lose nothing, and the queue drains.
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
    let hash = Math.imul(this.#seed ^ ip.w0, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15) ^ ip.w1 ^ ip.w2 ^ ip.w3, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 13) ^ port, 0x27d4eb2f);
    const bucket = (hash ^ (hash >>> 16)) & (BUCKETS - 1);
    const count = this.#counts[bucket]!;
    if (count === 0) this.#touched[this.#touchedCount++] = bucket;
    this.#counts[bucket] = count + 1;
    return count < this.#share;
  }

  /** A turn is over. @param lost whether the kernel has dropped packets since the last one. */
  endTurn(lost: boolean): void {
    if (lost) this.#budget = Math.max(this.#most / 8, this.#budget * SHRINK);
    else if (this.engaged) this.#budget = Math.min(this.#most, this.#budget + GROWTH);
    else return;
    this.#share = this.#touchedCount === 0 ? Number.POSITIVE_INFINITY : this.#evenShare();
    for (let i = 0; i < this.#touchedCount; i++) this.#counts[this.#touched[i]!] = 0;
    this.#touchedCount = 0;
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
