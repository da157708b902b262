import { InterarrivalJitter } from './jitter.ts';
import { Pacer } from './pacer.ts';
import { PacketLedger, type Silences } from './packet-ledger.ts';
import { Samples } from './percentiles.ts';
import { LONGEST_PAUSE_MS, type ProbePath } from './probe-path.ts';
import type { PacketCounts, Percentiles } from './report.ts';
import type { StreamShape } from './stream-shape.ts';
import { toMicroseconds } from './to-microseconds.ts';

export interface StreamPhaseOptions {
  /** When the last packet has to have arrived to count. */
  readonly endAtMs: number;
  /** The longest that a packet is known to have taken, in milliseconds. */
  readonly longestMs: number | undefined;
  readonly isAborted: () => boolean;
  /** Called at every wake-up. */
  readonly onTick: (nowMs: number) => void;
}

export interface StreamResult {
  readonly packets: PacketCounts;
  readonly roundTripMs: Percentiles;
  readonly jitterMs: number;
  readonly silences: Silences;
}

/** How long a packet may take before it counts as lost, in milliseconds: twice what any took, within these. */
const LATE_MS = { least: 250, most: 3000, unknown: 1000 };

/** How many samples are looked through each time that somebody wants to know how it goes. More would hold up the stream. */
const SAMPLES_SHOWN = 512;

/** Measures delay, jitter and loss with a steady stream. */
export class StreamPhase {
  readonly #path: ProbePath;
  readonly #options: StreamPhaseOptions;
  readonly #ledger: PacketLedger;
  readonly #roundTrips = new Samples();
  /** A selection of them. */
  readonly #shown = new Samples(SAMPLES_SHOWN);
  readonly #jitter = new InterarrivalJitter();
  readonly #startedAtMs: number;

  constructor(path: ProbePath, options: StreamPhaseOptions) {
    this.#path = path;
    this.#options = options;
    this.#ledger = new PacketLedger(path.next);
    this.#startedAtMs = path.clock.now();
  }

  async run({ packetBytes, bitsPerSecond }: StreamShape): Promise<StreamResult> {
    const { clock } = this.#path;
    const { isAborted, onTick } = this.#options;
    this.#path.onArrival = (sequence, nowMs, heldUp) => this.#arrived(sequence, nowMs, heldUp);
    const pacer = new Pacer(clock.now());
    let lastSentAtMs = clock.now();
    while (!isAborted() && clock.now() < this.#sendUntilMs()) {
      const nowMs = clock.now();
      while (pacer.isDue(nowMs)) {
        lastSentAtMs = clock.now();
        this.#ledger.sent(lastSentAtMs);
        this.#path.send(packetBytes);
        pacer.sent(nowMs, packetBytes, bitsPerSecond);
      }
      onTick(nowMs);
      await this.#path.pause(pacer.wait(clock.now()));
    }
    const isWaiting = () => !this.#ledger.isComplete && clock.now() < lastSentAtMs + this.#lateMs();
    while (!isAborted() && isWaiting()) await this.#path.pause(LONGEST_PAUSE_MS);
    return this.#result();
  }

  /** For how many milliseconds it will send, as far as that is known. */
  get sendingMs(): number {
    return this.#sendUntilMs() - this.#startedAtMs;
  }

  /** The median so far, in milliseconds, more or less. */
  get roundTripMs(): number | undefined {
    return this.#shown.percentiles()?.p50;
  }

  /** 0 to 1; without what may still be on its way. */
  get lossFraction(): number | undefined {
    return this.#ledger.lossFraction(this.#path.clock.now() - this.#lateMs());
  }

  #arrived(sequence: number, nowMs: number, heldUp: boolean): void {
    const tookMs = this.#ledger.arrived(sequence, nowMs);
    if (tookMs === undefined) return;
    // The time for which a packet lay about because this program was held up is no delay of the path.
    if (heldUp && this.#roundTrips.count > 0) return;
    this.#roundTrips.add(toMicroseconds(tookMs));
    this.#shown.add(tookMs);
    this.#jitter.add(tookMs);
  }

  #result(): StreamResult {
    const nowMs = this.#path.clock.now();
    const waitedMs = toMicroseconds(nowMs - this.#startedAtMs);
    const packets = this.#ledger.close(this.#options.isAborted() ? nowMs - this.#lateMs() : undefined);
    return {
      packets,
      roundTripMs: this.#roundTrips.percentiles() ?? {
        min: waitedMs,
        p50: waitedMs,
        p95: waitedMs,
        p99: waitedMs,
        max: waitedMs,
      },
      jitterMs: toMicroseconds(this.#jitter.average),
      silences: this.#ledger.silences,
    };
  }

  /** Leaves the last packets time to arrive; where packets take long, three quarters of the time are for sending nevertheless. */
  #sendUntilMs(): number {
    const { endAtMs } = this.#options;
    return endAtMs - Math.min(this.#lateMs(), (endAtMs - this.#startedAtMs) / 4);
  }

  #lateMs(): number {
    const longestMs = this.#roundTrips.count > 0 ? this.#roundTrips.max : this.#options.longestMs;
    if (longestMs === undefined) return LATE_MS.unknown;
    return Math.min(Math.max(2 * longestMs, LATE_MS.least), LATE_MS.most);
  }
}
