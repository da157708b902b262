/** Loss is judged over this many packets and this much of sending time, at least. */
const FEWEST_PACKETS = 30;
const SHORTEST_MS = 200;
/** More loss than this is congestion (draft-ietf-rmcat-gcc-02 §6). */
const TOO_MUCH = 0.1;
/** How much a packet that was lost a second ago still counts in the loss that the path always has. */
const FORGETTING_MS = 1000;
/** A path that loses more than this while it is not full is not believed to. */
const HIGHEST_USUAL = 0.3;
/** The usual loss is known from so many packets on. */
const FEWEST_USUAL = 20;

interface Judged {
  readonly sentAtMs: number;
  readonly lost: boolean;
}

/**
 * The loss-based rule of draft-ietf-rmcat-gcc-02 §6: over 10 % lost, the rate falls by half of what is lost. Two things are added,
 * since a figure of a few seconds must not depend on chance: what the path loses whatever the rate (radio, a bad cable) is told
 * apart from what it loses because it is full, and too few packets are no ground for a verdict.
 */
export class LossRule {
  #window: Judged[] = [];
  #windowLost = 0;
  #usualPackets = 0;
  #usualLost = 0;
  #usualAtMs = 0;
  #ignoreBeforeMs = Number.NEGATIVE_INFINITY;

  /** Tells what became of a packet; `relaxed` when it was sent while nothing spoke for congestion. */
  judge(sentAtMs: number, lost: boolean, relaxed: boolean): void {
    if (sentAtMs < this.#ignoreBeforeMs) return;
    this.#window.push({ sentAtMs, lost });
    if (lost) this.#windowLost++;
    while (this.#window.length > FEWEST_PACKETS && this.#window[1]!.sentAtMs <= sentAtMs - SHORTEST_MS) {
      if (this.#window.shift()!.lost) this.#windowLost--;
    }
    if (relaxed) this.#learn(sentAtMs, lost);
  }

  /** The share lost of the latest packets, 0 to 1. */
  get lossFraction(): number {
    return this.#window.length === 0 ? 0 : this.#windowLost / this.#window.length;
  }

  /** Whether there are packets enough for a verdict. */
  get isTelling(): boolean {
    return this.#window.length >= FEWEST_PACKETS;
  }

  /** The share that the path loses however little is sent, as far as is known. */
  get usualLoss(): number {
    return this.#usualPackets < FEWEST_USUAL ? 0 : Math.min(HIGHEST_USUAL, this.#usualLost / this.#usualPackets);
  }

  /** The share lost that the path does not always lose. */
  get excessLoss(): number {
    return Math.max(0, (this.lossFraction - this.usualLoss) / (1 - this.usualLoss));
  }

  /** Whether more is lost than chance explains on a path that is not full. */
  get isCongested(): boolean {
    if (!this.isTelling) return false;
    const limit = TOO_MUCH + (1 - TOO_MUCH) * this.usualLoss;
    const margin = 2 * Math.sqrt((limit * (1 - limit)) / this.#window.length);
    return this.lossFraction > limit + margin && this.#lasts(limit);
  }

  /** When the first packet that was lost of the latest ones was sent. */
  get firstLostSentMs(): number | undefined {
    return this.#window.find(({ lost }) => lost)?.sentAtMs;
  }

  /** The factor by which the rate falls, 0.5 to 1. */
  get decrease(): number {
    return 1 - 0.5 * this.excessLoss;
  }

  /** Forgets what was sent before: the rate has changed. */
  restart(nowMs: number): void {
    this.#ignoreBeforeMs = nowMs;
    this.#window = [];
    this.#windowLost = 0;
  }

  /** Whether each third of the latest packets lost as much: a single burst of loss is no lack of room. */
  #lasts(limit: number): boolean {
    const third = Math.floor(this.#window.length / 3);
    return [0, 1, 2].every((i) => {
      const part = this.#window.slice(i * third, (i + 1) * third);
      return part.filter(({ lost }) => lost).length > limit * part.length;
    });
  }

  #learn(sentAtMs: number, lost: boolean): void {
    const elapsedMs = Math.max(0, sentAtMs - this.#usualAtMs);
    const kept = Math.exp(-elapsedMs / FORGETTING_MS);
    this.#usualAtMs = Math.max(this.#usualAtMs, sentAtMs);
    this.#usualPackets = this.#usualPackets * kept + 1;
    this.#usualLost = this.#usualLost * kept + (lost ? 1 : 0);
  }
}
