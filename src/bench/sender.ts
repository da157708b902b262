import { SendSchedule } from './send-schedule.ts';
import type { Wire } from './wire.ts';

/** What is to be sent. */
export interface SendPlan {
  /** Marks the packets that are measured; those of the warm-up carry 0. */
  readonly run: number;
  readonly lanes: number;
  /** Over all lanes together; `undefined` for as many as can be sent. */
  readonly packetsPerSecond?: number | undefined;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Packets of one lane in a row. */
  readonly burst: number;
  /** Bytes of payload, the stamp included. */
  readonly size: number;
  /** Past the relay, straight between client and peer. */
  readonly direct: boolean;
}

/** What was sent of a plan after the warm-up. */
export interface SentReport {
  readonly sent: number;
  /** What was to be sent: the rate times the time; with a flood, what was sent. */
  readonly offered: number;
  readonly elapsedMs: number;
}

/** Writes one packet and sends it; false when the lane takes none at the moment. */
export type Emit = (plan: SendPlan, run: number, lane: number, sequence: number, now: number) => boolean;

/**
 * Sends the packets of a plan in the order client 0, 1, 2, … and again from 0. No two packets of one client follow each other
 * (unless a burst is wished for), since a relay that joins runs of packets would look better than it is in a call.
 */
export class Sender {
  readonly #plan: SendPlan;
  readonly #wire: Wire;
  readonly #emit: Emit;
  readonly #separateRounds: boolean;
  readonly #measuredFrom: number;
  readonly #endAt: number;
  #schedule: SendSchedule;
  #run = 0;
  #sequences: Uint32Array;
  #emitted = 0;
  #failedBefore = 0;
  #lane = 0;
  #ofBurst = 0;

  /** @param separateRounds whether packets of one lane that wait together would leave as one. */
  constructor(plan: SendPlan, wire: Wire, emit: Emit, separateRounds: boolean, now: number) {
    this.#plan = plan;
    this.#wire = wire;
    this.#emit = emit;
    this.#separateRounds = separateRounds;
    this.#measuredFrom = now + plan.warmupMs * 1000;
    this.#endAt = this.#measuredFrom + plan.durationMs * 1000;
    this.#schedule = new SendSchedule(now, plan.packetsPerSecond);
    this.#sequences = new Uint32Array(plan.lanes);
  }

  /** How many measured packets have been sent so far. */
  get sent(): number {
    return this.#run === 0 ? 0 : this.#emitted - (this.#wire.failed - this.#failedBefore);
  }

  /** Microseconds until the next packet. */
  wait(now: number): number {
    return this.#schedule.wait(now);
  }

  /** Sends what is due; false when the plan is over. */
  step(now: number): boolean {
    if (now >= this.#endAt) return false;
    if (this.#run === 0 && now >= this.#measuredFrom) this.#beginMeasured();
    for (let left = this.#schedule.take(now); left > 0; left--) this.#sendOne(now);
    this.#wire.flush();
    return true;
  }

  report(): SentReport {
    const { packetsPerSecond, durationMs } = this.#plan;
    const offered = packetsPerSecond === undefined ? this.sent : Math.round((packetsPerSecond * durationMs) / 1000);
    return { sent: this.sent, offered, elapsedMs: durationMs };
  }

  #beginMeasured(): void {
    this.#run = this.#plan.run;
    this.#sequences.fill(0);
    this.#emitted = 0;
    this.#failedBefore = this.#wire.failed;
    this.#schedule = new SendSchedule(this.#measuredFrom, this.#plan.packetsPerSecond);
  }

  #sendOne(now: number): void {
    const lane = this.#lane;
    if (this.#emit(this.#plan, this.#run, lane, this.#sequences[lane]!, now)) {
      this.#sequences[lane]!++;
      this.#emitted++;
    }
    if (++this.#ofBurst < this.#plan.burst) return;
    this.#ofBurst = 0;
    this.#lane = lane + 1;
    if (this.#lane < this.#plan.lanes) return;
    this.#lane = 0;
    if (this.#separateRounds) this.#wire.flush();
  }
}
